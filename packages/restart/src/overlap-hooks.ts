import { assertOptionsObject, describe, isDelay, LastcallError, toError } from '@lastcall/proc';
import type { Remover, RestartEnvironment } from './restart-environment';

/** Why `after` is called: the former generation is gone, or an upgrade of this one came to nothing. */
export type AfterReason = 'parent-gone' | 'failed';

/** What a component does that must not run in two generations at once: a cron, a consumer, the holder of a lock. */
export interface UpgradeHooks {
  /** What messages call it. Default: `component`. */
  readonly name?: string | undefined;
  /**
   * Called in the old generation before the new one is started: stop, release. It may return a promise, which is waited for;
   * an upgrade that it rejects does not take place.
   */
  readonly before?: ((context: { readonly signal: AbortSignal }) => unknown) | undefined;
  /**
   * Called in the new generation once the old one is gone: start. Called in the old one, too, when an upgrade failed after
   * `before`: start again. Not called in the first generation: see `restart.parentGone`.
   */
  readonly after?: ((reason: AfterReason) => unknown) | undefined;
  /** How long `before` may take, in milliseconds. Default 5000. */
  readonly timeoutMs?: number | undefined;
}

const NAMES = ['name', 'before', 'after', 'timeoutMs'];
const DEFAULT_TIMEOUT_MS = 5000;

/** The components that ask for a say in upgrades. */
export class OverlapHooks {
  readonly #environment: RestartEnvironment;
  readonly #warn: (error: LastcallError) => void;
  readonly #hooks = new Set<UpgradeHooks>();
  #released: UpgradeHooks[] = [];
  #isParentGone = false;

  constructor(environment: RestartEnvironment, warn: (error: LastcallError) => void) {
    this.#environment = environment;
    this.#warn = warn;
  }

  /** @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_BAD_LISTENER` */
  add(hooks: UpgradeHooks): Remover {
    assertHooks(hooks);
    const own = { ...hooks };
    this.#hooks.add(own);
    if (this.#isParentGone) this.#callAfter(own, 'parent-gone');
    return () => this.#hooks.delete(own);
  }

  /**
   * Calls every `before`, all at once, and waits for them.
   *
   * @throws LastcallError `LASTCALL_UPGRADE_HOOK_FAILED`; whoever released something has it back by {@link takeBack}
   */
  async release(): Promise<void> {
    const hooks = [...this.#hooks].filter(({ before }) => before !== undefined);
    this.#released = hooks;
    const outcomes = await Promise.allSettled(hooks.map((hook) => this.#callBefore(hook)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Calls `after` where `before` was called: the upgrade came to nothing. */
  takeBack(): void {
    for (const hook of this.#released.splice(0)) this.#callAfter(hook, 'failed');
  }

  /** Calls every `after`, and those that are added later at once. */
  parentGone(): void {
    this.#isParentGone = true;
    for (const hook of this.#hooks) this.#callAfter(hook, 'parent-gone');
  }

  async #callBefore({ before, name, timeoutMs = DEFAULT_TIMEOUT_MS }: UpgradeHooks): Promise<void> {
    if (before === undefined) return;
    const controller = new AbortController();
    let cancel: Remover = () => {};
    const late = new Promise<never>((_, reject) => {
      cancel = this.#environment.setTimer(() => {
        const error = hookFailed(name, `before() took longer than timeoutMs (${timeoutMs})`);
        controller.abort(error);
        reject(error);
      }, timeoutMs);
    });
    try {
      await Promise.race([(async () => before({ signal: controller.signal }))(), late]);
    } catch (thrown) {
      if (thrown instanceof LastcallError) throw thrown;
      const cause = toError(thrown);
      throw hookFailed(name, `before() failed: ${cause.message}`, cause);
    } finally {
      cancel();
    }
  }

  #callAfter({ after, name }: UpgradeHooks, reason: AfterReason): void {
    if (after === undefined) return;
    (async () => after(reason))().catch((thrown: unknown) => {
      const cause = toError(thrown);
      this.#warn(hookFailed(name, `after() failed: ${cause.message}`, cause));
    });
  }
}

function hookFailed(name = 'component', what: string, cause?: Error): LastcallError {
  return new LastcallError('LASTCALL_UPGRADE_HOOK_FAILED', `${name}: ${what}`, { cause });
}

function assertHooks(hooks: UpgradeHooks): void {
  assertOptionsObject('restart.onUpgrade()', hooks, NAMES);
  const { before, after, timeoutMs } = hooks;
  for (const [name, hook] of Object.entries({ before, after })) {
    if (hook === undefined || typeof hook === 'function') continue;
    throw new LastcallError(
      'LASTCALL_BAD_LISTENER',
      `${name} of restart.onUpgrade() must be a function, got ${describe(hook)}`,
    );
  }
  if (timeoutMs === undefined || (isDelay(timeoutMs) && timeoutMs > 0)) return;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option 'timeoutMs' of restart.onUpgrade() must be a number of milliseconds above 0, got ${describe(timeoutMs)}`,
  );
}
