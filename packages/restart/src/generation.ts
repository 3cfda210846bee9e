import {
  LastcallError,
  type Lifecycle,
  type Signals,
  toError,
  type UpgradeEvent,
} from '@lastcall/proc';
import { assertSupported } from './assert-supported';
import { assertRoomForOneMore, livingAncestors, selfAsAncestor } from './generations';
import type { DownMessage } from './handover/handover';
import { OverlapHooks } from './overlap-hooks';
import { findParent, type ParentLink } from './parent-link';
import { PidFile } from './pid-file';
import type { GenerationState, RestartStatus } from './restart';
import type { Remover, RestartEnvironment } from './restart-environment';
import type { RestartSettings } from './settings';
import { SocketDesk } from './sockets/socket-desk';
import { type StartCommand, startCommandOf } from './start-command';
import { takeActivatedSockets } from './systemd/activated-sockets';
import { SystemdNotifier } from './systemd/systemd-notifier';
import { Upgrade } from './upgrade';

/** What a generation works with. */
export interface GenerationParts {
  readonly environment: RestartEnvironment;
  readonly lifecycle: Lifecycle;
  readonly signals: Signals;
  readonly settings: () => RestartSettings;
}

type State =
  | { readonly name: 'starting' | 'serving' | 'stopping' }
  | { readonly name: 'upgrading'; readonly upgrade: Upgrade }
  /** Under a supervisor: it was asked to replace this process. */
  | { readonly name: 'asking'; readonly answer: Promise<{ readonly pid: number }> }
  | { readonly name: 'replaced'; readonly pid: number | null };

/** The longest delay of a Node timer. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** A process that is asked to end gets this much more than `waitTimeMs`, in milliseconds. */
const KILL_MARGIN_MS = 500;

/** This process as a generation of its service: begins with the first use of `restart`, ends with the process. */
export class Generation {
  readonly generation: number;
  readonly sockets: SocketDesk;
  readonly hooks: OverlapHooks;
  readonly parentGone: Promise<void>;
  readonly #parts: GenerationParts;
  readonly #command: StartCommand;
  readonly #parent: ParentLink | null;
  readonly #pidFile: PidFile;
  readonly #systemd: SystemdNotifier;
  #state: State = { name: 'starting' };
  #ready: Promise<void> | undefined;
  /** The sockets that a supervisor was given. */
  readonly #bound: string[] = [];
  #isReadySaid = false;
  /** Nobody else will serve in place of this process any more. */
  #isSettled = false;
  /** The upgrade that succeeded. Kept, as its channel must not be closed before this process ends: that is how one knows. */
  #upgraded: Upgrade | null = null;
  #upgradeSignal: NodeJS.Signals | 'none' = 'none';
  #removeSignal: Remover = () => {};
  #letEnd: Remover = () => {};

  constructor(parts: GenerationParts) {
    const { environment, lifecycle, settings } = parts;
    this.#parts = parts;
    this.#command = startCommandOf(environment);
    this.#parent = findParent(environment);
    const warn = (error: LastcallError): void => lifecycle.warn(error);
    this.hooks = new OverlapHooks(environment, warn);
    this.#pidFile = new PidFile(environment, () => settings().pidFile);
    this.#systemd = new SystemdNotifier({ environment, settings, warn });
    const handover = this.#parent?.handover;
    this.generation = handover?.generation ?? 1;
    this.sockets = new SocketDesk({
      environment,
      inherited: handover?.sockets ?? takeActivatedSockets(environment),
      ticketKeys: async () => (await this.#parent?.ticketKeys) ?? {},
      onBound: (socket, handle) => {
        if (!this.#isSupervised) return;
        this.#bound.push(socket.record.name);
        this.#parent?.sendBound(socket, handle);
      },
    });
    this.parentGone = this.#parent === null ? Promise.resolve() : this.#follow(this.#parent);
    this.#joinLifecycle();
  }

  /** Takes in settings that have changed. */
  applySettings(): void {
    const { environment, signals, settings } = this.#parts;
    const { upgradeSignal, upgradeOnTerminal } = settings();
    const isOnTerminal = environment.isTerminal() && !upgradeOnTerminal;
    const wanted = isOnTerminal ? 'none' : upgradeSignal;
    if (wanted === this.#upgradeSignal) return;
    const remove = this.#removeSignal;
    this.#upgradeSignal = wanted;
    this.#removeSignal =
      wanted === 'none' ? () => {} : signals.notify((signal) => this.#onSignal(signal), wanted);
    remove();
  }

  ready(): Promise<void> {
    this.#ready ??= this.#becomeReady();
    return this.#ready;
  }

  upgrade(reason: string): Promise<{ readonly pid: number }> {
    try {
      return this.#isSupervised ? this.#askSupervisor(reason) : this.#beginUpgrade(reason);
    } catch (thrown) {
      const error = thrown as LastcallError;
      this.#tell('refused', { reason, error });
      return Promise.reject(error);
    }
  }

  status(): RestartStatus {
    const { name } = this.#state;
    return {
      state: name === 'asking' ? 'upgrading' : (name satisfies GenerationState),
      generation: this.generation,
      topology: this.#parent?.handover.topology ?? null,
      parentPid:
        this.#parent === null || this.#parent.isGone ? null : this.#parent.handover.parentPid,
      successorPid: this.#successorPid(),
      sockets: this.sockets.list(),
    };
  }

  get #isSupervised(): boolean {
    return this.#parent?.handover.topology === 'supervised';
  }

  #successorPid(): number | null {
    if (this.#state.name === 'replaced') return this.#state.pid;
    return this.#state.name === 'upgrading' ? this.#state.upgrade.pid : null;
  }

  // --- readiness --------------------------------------------------------------------------------------------------

  async #becomeReady(): Promise<void> {
    try {
      await this.sockets.settle();
      if (!this.#isSupervised) this.#pidFile.write();
    } catch (thrown) {
      // The program may mend it and say so again.
      this.#ready = undefined;
      this.#sayFailed(thrown);
      throw thrown;
    }
    const claimed = this.sockets.closeUnclaimed();
    this.#isReadySaid = true;
    if (this.#state.name === 'starting') this.#state = { name: 'serving' };
    this.#parent?.send({ type: 'ready', claimed, bound: this.#bound });
    this.#systemd.ready(this.generation);
  }

  #sayFailed(thrown: unknown): void {
    const error = toError(thrown) as Error & { code?: string };
    this.#parent?.send({ type: 'failed', code: error.code ?? error.name, message: error.message });
  }

  // --- the former generation, or the supervisor -------------------------------------------------------------------

  /** @returns when no former generation is there any more */
  #follow(parent: ParentLink): Promise<void> {
    this.#systemd.leaveToParent();
    parent.onMessage((message) => this.#onMessage(message));
    void parent.gone.then(() => this.#onParentGone(parent));
    if (!this.#isSupervised) return parent.gone.then(() => this.hooks.parentGone());
    const alone = new Promise<void>((resolve) => {
      parent.onMessage(({ type }) => {
        if (type === 'alone') resolve();
      });
    });
    return Promise.race([alone, parent.gone]).then(() => this.hooks.parentGone());
  }

  #onParentGone({ handover }: ParentLink): void {
    this.#tell('parent-gone', { pid: handover.parentPid });
    // Of a supervisor: nobody would say so any more.
    if (this.#isSupervised && this.#state.name !== 'replaced') this.#resume();
    if (this.#isSettled) return;
    this.#settle();
    // It ended before it could name its successor.
    if (this.#isReadySaid) this.#systemd.ready(this.generation);
  }

  /** There is no way back to the former generation. */
  #settle(): void {
    this.#isSettled = true;
    if (!this.#isSupervised) this.#systemd.lead();
  }

  #onMessage(message: DownMessage): void {
    if (message.type === 'settled') this.#settle();
    if (message.type === 'pause') this.#pause(message.names);
    if (message.type === 'resume') this.#resume();
    if (message.type === 'replaced') this.#onReplaced(message.pid);
  }

  /** Under a supervisor, which decides when this process goes on or ends: until then it must not end by itself. */
  #pause(names: readonly string[]): void {
    this.#letEnd();
    this.#letEnd = this.#parts.environment.setTimer(() => {}, MAX_DELAY_MS);
    void this.sockets.named.pause(names);
  }

  #resume(): void {
    this.sockets.named.resume();
    this.#letEnd();
  }

  #onReplaced(pid: number | null): void {
    if (this.#state.name === 'stopping' || this.#state.name === 'replaced') return;
    this.#state = { name: 'replaced', pid };
    this.#tell('done', { reason: 'supervisor', pid });
    void this.#parts.lifecycle.shutdown('upgrade');
    this.#letEnd();
  }

  // --- upgrades ---------------------------------------------------------------------------------------------------

  #onSignal(signal: NodeJS.Signals): void {
    // What goes wrong is told by an event.
    this.upgrade(signal).catch(() => {});
  }

  /** @throws LastcallError why none can begin */
  #beginUpgrade(reason: string): Promise<{ readonly pid: number }> {
    const { environment, lifecycle, settings } = this.#parts;
    assertSupported(environment);
    this.#assertServing();
    const living = livingAncestors(environment, this.#parent?.handover.ancestors ?? []);
    const { maxGenerations, command } = settings();
    assertRoomForOneMore(living, maxGenerations);
    const startedAt = environment.now();
    const upgrade = new Upgrade({
      environment,
      settings: settings(),
      command: { ...this.#command, ...command },
      sockets: this.sockets.named,
      hooks: this.hooks,
      pidFile: this.#pidFile,
      systemd: this.#systemd,
      generation: this.generation,
      ancestors: [...living, selfAsAncestor(environment)],
      settled: this.#parent?.settled ?? Promise.resolve(),
      killAfterMs: lifecycle.settings.waitTimeMs + KILL_MARGIN_MS,
      emit: (step, pid, error) => {
        const atMs = Math.round(environment.now() - startedAt);
        this.#tell(step, { reason, pid, atMs, ...(error === undefined ? {} : { error }) });
      },
      warn: (error) => lifecycle.warn(error),
    });
    this.#state = { name: 'upgrading', upgrade };
    upgrade.result.then(
      ({ pid }) => this.#onUpgraded(pid, upgrade),
      () => this.#onUpgradeFailed(),
    );
    return upgrade.result;
  }

  #assertServing(): void {
    const { name } = this.#state;
    if (name !== 'serving') throw refusalOf(name, this.#successorPid());
  }

  #onUpgraded(pid: number, upgrade: Upgrade): void {
    this.#state = { name: 'replaced', pid };
    this.#upgraded = upgrade;
    // Where a stop is under way already, this joins it.
    if (this.#parts.lifecycle.state === 'running') void this.#parts.lifecycle.shutdown('upgrade');
  }

  #onUpgradeFailed(): void {
    const isRunning = this.#parts.lifecycle.state === 'running';
    this.#state = { name: isRunning ? 'serving' : 'stopping' };
  }

  #askSupervisor(reason: string): Promise<{ readonly pid: number }> {
    const parent = this.#parent as ParentLink;
    this.#assertServing();
    if (parent.isGone) throw refused('the supervisor is gone');
    const answer = new Promise<{ readonly pid: number }>((resolve, reject) => {
      const remove = parent.onMessage((message) => {
        if (message.type === 'replaced' && message.pid !== null) resolve({ pid: message.pid });
        else if (message.type === 'refused') reject(refused(message.message));
        else return;
        remove();
      });
      void parent.gone.then(() => reject(refused('the supervisor is gone')));
    });
    this.#state = { name: 'asking', answer };
    answer.catch((error: LastcallError) => {
      if (this.#state.name === 'asking') this.#state = { name: 'serving' };
      this.#tell('failed', { reason, error });
    });
    parent.send({ type: 'upgrade', reason });
    return answer;
  }

  // --- the stop ---------------------------------------------------------------------------------------------------

  #joinLifecycle(): void {
    const { lifecycle } = this.#parts;
    lifecycle.done.addEventListener('abort', () => this.#onStop(), { once: true });
    lifecycle.onShutdown(({ signal }) => this.#endUpgrade(signal), {
      name: 'upgrade',
      stage: 'intake',
    });
    lifecycle.onShutdown(() => this.#cleanUp(), { name: 'restart', stage: 'telemetry' });
  }

  #onStop(): void {
    const { lifecycle } = this.#parts;
    if (this.#state.name === 'replaced') return;
    if (this.#state.name === 'upgrading') this.#state.upgrade.stop();
    else this.#state = { name: 'stopping' };
    if (this.#isServiceStop())
      this.#parent?.send({ type: 'stopping', reason: lifecycle.reason ?? '' });
    this.#systemd.stopping(lifecycle.settings.waitTimeMs);
  }

  /** Whether somebody asked the service to stop. A program that ends itself may do so because it has failed. */
  #isServiceStop(): boolean {
    const { reason, settings } = this.#parts.lifecycle;
    const asked: readonly string[] = [...settings.stopSignals, 'shutdown message'];
    return reason !== null && asked.includes(reason);
  }

  async #endUpgrade(hammer: AbortSignal): Promise<void> {
    if (this.#state.name !== 'upgrading') return;
    const { upgrade } = this.#state;
    const hurry = (): void => upgrade.hurry();
    if (hammer.aborted) hurry();
    hammer.addEventListener('abort', hurry, { once: true });
    await upgrade.over;
  }

  async #cleanUp(): Promise<void> {
    if (this.#state.name === 'replaced') this.sockets.removePaths((name) => this.#isDropped(name));
    else if (this.#isLeader()) {
      this.sockets.removePaths(() => true);
      if (!this.#isSupervised) this.#pidFile.remove();
    } else this.sockets.removePaths((_, inherited) => !inherited);
    await this.#systemd.flushed();
  }

  /** Whether the successor has not taken the socket over, so that nobody serves its path any more. */
  #isDropped(name: string): boolean {
    return this.#upgraded !== null && !this.#upgraded.claimed.includes(name);
  }

  /** Whether nobody else serves, or will, when this process ends. */
  #isLeader(): boolean {
    if (this.#parent === null || this.#parent.isGone) return true;
    if (this.#isSupervised) return false;
    return this.#isReadySaid && (this.#isSettled || this.#isServiceStop());
  }

  #tell(
    step: UpgradeEvent['step'],
    details: Partial<Pick<UpgradeEvent, 'reason' | 'pid' | 'atMs' | 'error'>>,
  ): void {
    const { generation } = this;
    const event = { type: 'upgrade', step, generation, reason: '', pid: null, atMs: 0 } as const;
    this.#parts.lifecycle.tell({ ...event, ...details });
  }
}

function refusalOf(state: Exclude<State['name'], 'serving'>, pid: number | null): LastcallError {
  switch (state) {
    case 'starting':
      return new LastcallError(
        'LASTCALL_UPGRADE_NOT_READY',
        'this process is not ready itself: call restart.ready() once it serves, then upgrade',
      );
    case 'upgrading':
    case 'asking':
      return new LastcallError(
        'LASTCALL_UPGRADE_IN_PROGRESS',
        `an upgrade is under way${pid === null ? '' : ` (process ${pid})`}; ask again when it has ended`,
      );
    case 'replaced':
      return new LastcallError(
        'LASTCALL_UPGRADE_REPLACED',
        `this process has been replaced${pid === null ? '' : ` by process ${pid}: upgrade that one`}`,
      );
    case 'stopping':
      return new LastcallError(
        'LASTCALL_UPGRADE_STOPPING',
        'this process stops; start the service anew',
      );
  }
}

function refused(why: string): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_REFUSED',
    `the supervisor did not replace this process: ${why}`,
  );
}
