import { type LastcallError, type Lifecycle, type Signals, toError } from '@lastcall/proc';
import { Chain } from './chain';
import { GenerationLife } from './generation-life';
import { ancestorsGone } from './generations';
import { keepAlive } from './keep-alive';
import { OverlapHooks } from './overlap-hooks';
import { findParent, type ParentLink } from './parent-link';
import { PidFile } from './pid-file';
import type { RestartStatus } from './restart';
import type { Remover, RestartEnvironment } from './restart-environment';
import type { RestartSettings } from './settings';
import { SocketDesk } from './sockets/socket-desk';
import { Supervision } from './supervision';
import { takeActivatedSockets } from './systemd/activated-sockets';
import { SystemdNotifier } from './systemd/systemd-notifier';
import { createTellUpgrade, type TellUpgrade } from './tell-upgrade';

/** What a generation works with. */
export interface GenerationParts {
  readonly environment: RestartEnvironment;
  readonly lifecycle: Lifecycle;
  readonly signals: Signals;
  readonly settings: () => RestartSettings;
}

/** This process as a generation of its service: begins with the first use of `restart`, ends with the process. */
export class Generation {
  readonly generation: number;
  readonly sockets: SocketDesk;
  readonly hooks: OverlapHooks;
  readonly parentGone: Promise<void>;
  readonly #parts: GenerationParts;
  readonly #parent: ParentLink | null;
  readonly #pidFile: PidFile;
  readonly #systemd: SystemdNotifier;
  readonly #tell: TellUpgrade;
  readonly #life = new GenerationLife();
  readonly #topology: Chain | Supervision;
  #ready: Promise<void> | undefined;
  /** The sockets that a supervisor was given. */
  readonly #bound: string[] = [];
  #upgradeSignal: NodeJS.Signals | 'none' = 'none';
  #removeSignal: Remover = () => {};

  constructor(parts: GenerationParts) {
    const { environment, lifecycle, settings } = parts;
    this.#parts = parts;
    this.#parent = findParent(environment);
    const warn = (error: LastcallError): void => lifecycle.warn(error);
    this.hooks = new OverlapHooks(environment, warn);
    this.#pidFile = new PidFile(environment, () => settings().pidFile);
    this.#systemd = new SystemdNotifier({ environment, settings, warn });
    const handover = this.#parent?.handover;
    this.generation = handover?.generation ?? 1;
    this.#tell = createTellUpgrade(lifecycle, this.generation);
    this.sockets = new SocketDesk({
      environment,
      inherited: handover?.sockets ?? takeActivatedSockets(environment),
      hasOthers: handover !== undefined,
      warn,
      ticketKeys: async () => (await this.#parent?.ticketKeys) ?? {},
      onBound: (socket, handle) => {
        if (!this.#isSupervised) return;
        this.#bound.push(socket.record.name);
        this.#parent?.sendBound(socket, handle);
      },
      // Its keys are this process's own where systemd has bound it, or the release before handed none over.
      onTaken: (socket) => {
        if (this.#isSupervised) this.#parent?.sendTicketKeys(socket);
      },
    });
    this.#topology = this.#createTopology();
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
      return this.#topology.upgrade(reason);
    } catch (thrown) {
      const error = thrown as LastcallError;
      this.#tell('refused', { reason, error });
      // Of an upgrade that is under way the end is told, and of one that is over, or of a stop, all has been.
      if (this.#life.state === 'serving') this.#systemd.reloadRefused(error);
      return Promise.reject(error);
    }
  }

  status(): RestartStatus {
    const parent = this.#parent;
    return {
      state: this.#life.state,
      generation: this.generation,
      topology: parent?.handover.topology ?? null,
      parentPid: parent === null || parent.isGone ? null : parent.handover.parentPid,
      successorPid: this.#life.successorPid,
      sockets: this.sockets.list(),
    };
  }

  get #isSupervised(): boolean {
    return this.#parent?.handover.topology === 'supervised';
  }

  #createTopology(): Chain | Supervision {
    const { environment, lifecycle, settings } = this.#parts;
    const shared = {
      environment,
      lifecycle,
      sockets: this.sockets.named,
      life: this.#life,
      tell: this.#tell,
    };
    if (this.#parent !== null && this.#isSupervised)
      return new Supervision({ ...shared, supervisor: this.#parent });
    return new Chain({
      ...shared,
      settings,
      hooks: this.hooks,
      pidFile: this.#pidFile,
      systemd: this.#systemd,
      generation: this.generation,
      ancestors: this.#parent?.handover.ancestors ?? [],
      settled: this.#parent?.settled ?? Promise.resolve(),
    });
  }

  #onSignal(signal: NodeJS.Signals): void {
    // What goes wrong is told by an event.
    this.upgrade(signal).catch(() => {});
  }

  // --- readiness --------------------------------------------------------------------------------------------------

  async #becomeReady(): Promise<void> {
    try {
      await this.sockets.settle();
      // It would be a promise to serve; and the end that follows, one of the whole service.
      if (this.#parts.lifecycle.state !== 'running') return;
      if (!this.#isSupervised) this.#pidFile.write();
    } catch (thrown) {
      // The program may mend it and say so again.
      this.#ready = undefined;
      this.#sayFailed(thrown);
      throw thrown;
    }
    const claimed = this.sockets.closeUnclaimed();
    this.#life.ready();
    this.#parent?.send({ type: 'ready', claimed, bound: this.#bound });
    this.#systemd.ready(this.generation);
    this.#stayUntilAlone();
  }

  /** A program that begins its work when it is alone has nothing that keeps it alive until then. */
  #stayUntilAlone(): void {
    if (this.#parent === null) return;
    const { environment, lifecycle } = this.#parts;
    const letEnd = keepAlive(environment);
    void this.parentGone.then(letEnd);
    lifecycle.done.addEventListener('abort', letEnd, { once: true });
  }

  #sayFailed(thrown: unknown): void {
    const error = toError(thrown) as Error & { code?: string };
    this.#parent?.send({ type: 'failed', code: error.code ?? error.name, message: error.message });
  }

  // --- the former generation, or the supervisor -------------------------------------------------------------------

  /** @returns when no former generation is there any more */
  #follow(parent: ParentLink): Promise<void> {
    this.#systemd.leaveToParent();
    const alone = new Promise<void>((resolve) => {
      parent.onMessage(({ type }) => {
        if (type === 'settled') this.#settle();
        if (type === 'alone') resolve();
      });
    });
    void parent.gone.then(() => this.#onParentGone(parent));
    const { environment } = this.#parts;
    // One that came before the parent may drain longer than it.
    const allGone = parent.gone.then(() => ancestorsGone(environment, parent.handover.ancestors));
    return Promise.race([alone, allGone]).then(() => {
      // A supervisor has started the first one: no other came before it.
      if (this.generation > 1) this.hooks.parentGone();
    });
  }

  #onParentGone({ handover }: ParentLink): void {
    const reason = this.#isSupervised ? 'supervisor' : '';
    this.#tell('parent-gone', { reason, pid: handover.parentPid });
    if (this.#life.isSettled) return;
    this.#settle();
    // It ended before it could name its successor.
    if (this.#life.isReady) this.#systemd.ready(this.generation);
  }

  /** There is no way back to the former generation. */
  #settle(): void {
    this.#life.settled();
    if (!this.#isSupervised) this.#systemd.lead();
  }

  // --- the stop ---------------------------------------------------------------------------------------------------

  #joinLifecycle(): void {
    const { lifecycle } = this.#parts;
    lifecycle.done.addEventListener('abort', () => this.#onStop(), { once: true });
    lifecycle.events.on('report', ({ report: { ok } }) =>
      this.#parent?.send({ type: 'stopped', ok }),
    );
    const topology = this.#topology;
    if (topology instanceof Chain)
      lifecycle.onShutdown(({ signal }) => topology.end(signal), {
        name: 'upgrade',
        stage: 'intake',
      });
    lifecycle.onShutdown(() => this.#cleanUp(), { name: 'restart', stage: 'telemetry' });
  }

  #onStop(): void {
    const { lifecycle } = this.#parts;
    if (!this.#life.stop()) return;
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

  async #cleanUp(): Promise<void> {
    // Supervised, others may be serving the paths: they and the pid file are the supervisor's.
    if (this.#topology instanceof Chain) this.#removeFiles(this.#topology);
    await this.#systemd.flushed();
  }

  #removeFiles(chain: Chain): void {
    if (this.#life.state === 'replaced') this.sockets.removePaths((name) => chain.isDropped(name));
    else if (this.#isLeader()) {
      this.sockets.removePaths(() => true);
      this.#pidFile.remove();
    } else this.sockets.removePaths((_, inherited) => !inherited);
  }

  /** Whether nobody else serves, or will, when this process ends. */
  #isLeader(): boolean {
    if (this.#parent === null || this.#parent.isGone) return true;
    return this.#life.isReady && (this.#life.isSettled || this.#isServiceStop());
  }
}
