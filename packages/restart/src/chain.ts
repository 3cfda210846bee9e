import type { Lifecycle } from '@lastcall/proc';
import { assertSupported } from './assert-supported';
import type { GenerationLife } from './generation-life';
import { assertRoomForOneMore, livingAncestors, selfAsAncestor } from './generations';
import type { Ancestor } from './handover/handover';
import type { RestartEnvironment } from './restart-environment';
import type { RestartSettings } from './settings';
import { type StartCommand, startCommandOf } from './start-command';
import type { TellUpgrade } from './tell-upgrade';
import { Upgrade, type UpgradeParts } from './upgrade';

/** What a chain works with: what each upgrade takes from it, and more. */
export interface ChainParts
  extends Pick<
    UpgradeParts,
    'sockets' | 'hooks' | 'pidFile' | 'systemd' | 'generation' | 'settled'
  > {
  readonly environment: RestartEnvironment;
  readonly lifecycle: Lifecycle;
  readonly settings: () => RestartSettings;
  readonly ancestors: readonly Ancestor[];
  readonly life: GenerationLife;
  readonly tell: TellUpgrade;
}

/** A process that is asked to end gets this much more than `waitTimeMs`, in milliseconds. */
const KILL_MARGIN_MS = 500;

/** This process as a link of a chain: it starts the next generation itself. */
export class Chain {
  readonly #parts: ChainParts;
  readonly #command: StartCommand;
  /** The upgrade that succeeded. Kept, as its channel must not be closed before this process ends: that is how one knows. */
  #upgraded: Upgrade | null = null;

  constructor(parts: ChainParts) {
    this.#parts = parts;
    this.#command = startCommandOf(parts.environment);
  }

  /** @throws LastcallError why none can begin; and as a rejection why it came to nothing */
  upgrade(reason: string): Promise<{ readonly pid: number }> {
    const { environment, generation, life, lifecycle } = this.#parts;
    assertSupported(environment, generation);
    life.assertServing();
    const upgrade = this.#begin(reason);
    life.beginUpgrade(upgrade);
    upgrade.result.then(
      ({ pid }) => this.#onUpgraded(pid, upgrade),
      () => life.upgradeFailed(lifecycle.state === 'running'),
    );
    return upgrade.result;
  }

  /** At a stop: waits for the upgrade that is under way to end. */
  async end(hammer: AbortSignal): Promise<void> {
    const { upgrade } = this.#parts.life;
    if (upgrade === null) return;
    const hurry = (): void => upgrade.hurry();
    if (hammer.aborted) hurry();
    hammer.addEventListener('abort', hurry, { once: true });
    await upgrade.over;
  }

  /** Whether the successor has not taken the socket over, so that nobody serves its path any more. */
  isDropped(name: string): boolean {
    return this.#upgraded !== null && !this.#upgraded.claimed.includes(name);
  }

  #begin(reason: string): Upgrade {
    const { environment, lifecycle, tell, ancestors, ...parts } = this.#parts;
    const settings = parts.settings();
    const living = livingAncestors(environment, ancestors);
    assertRoomForOneMore(living, settings.maxGenerations);
    const startedAt = environment.now();
    return new Upgrade({
      ...parts,
      environment,
      settings,
      command: sayingWhoItIs({ ...this.#command, ...settings.command }),
      ancestors: [...living, selfAsAncestor(environment)],
      killAfterMs: lifecycle.settings.waitTimeMs + KILL_MARGIN_MS,
      emit: (step, pid, error) => {
        const atMs = Math.round(environment.now() - startedAt);
        const onTerminal = step === 'done' && environment.isTerminal();
        tell(step, {
          reason,
          pid,
          atMs,
          ...(error === undefined ? {} : { error }),
          ...(onTerminal ? { onTerminal } : {}),
        });
      },
      warn: (error) => lifecycle.warn(error),
    });
  }

  #onUpgraded(pid: number, upgrade: Upgrade): void {
    const { life, lifecycle } = this.#parts;
    life.replacedBy(pid);
    this.#upgraded = upgrade;
    // Where a stop is under way already, this joins it.
    if (lifecycle.state === 'running') void lifecycle.shutdown('upgrade');
  }
}

/** Two generations write to one stream: in the log the new one says which lines are its own. */
function sayingWhoItIs({ env, ...command }: StartCommand): StartCommand {
  return { ...command, env: { LASTCALL_LOG_PID: '1', ...env } };
}
