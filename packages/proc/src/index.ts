import type {
  Activities,
  DumpDiff,
  DumpDocument,
  DumpOptions,
  DumpResult,
  EventLine,
  Gauges,
  Health,
  Lifecycle,
  LifecycleEvent,
  LifecycleEvents,
  LifecycleStatus,
  Listener,
  ProfileOptions,
  ProfileResult,
  Registration,
  Remover,
  Report,
  Settings,
  SetupOptions,
  ShutdownOptions,
  Signals,
  StateName,
  UpgradeEvent,
  WrapUpOptions,
} from './public-types';

export type * from './public-types';

// One file: it is what loading the package costs, and a second one would take Node a millisecond more to find and read.
// All else is loaded at its first use.

function engine(): typeof import('./engine') {
  return require('./engine') as typeof import('./engine');
}

/**
 * Makes a lifecycle of its own, on the signals of this process.
 *
 * Most programs want {@link proc}, the one that adapters register with. Several lifecycles in a process stop
 * independently; the last to finish ends the process.
 *
 * @throws LastcallError see {@link Lifecycle.setup}
 */
export function createLifecycle(options: SetupOptions = {}): Lifecycle {
  const lifecycle = engine().createProcessLifecycle();
  lifecycle.setup(options);
  return lifecycle;
}

/** A lifecycle that is made when it is first used: importing the package costs next to nothing. */
class LazyLifecycle implements Lifecycle {
  readonly #create: () => Lifecycle;
  #lifecycle: Lifecycle | undefined;

  constructor(create: () => Lifecycle) {
    this.#create = create;
  }

  get #made(): Lifecycle {
    return (this.#lifecycle ??= this.#create());
  }

  get settings(): Settings {
    return this.#made.settings;
  }

  get done(): AbortSignal {
    return this.#made.done;
  }

  get state(): StateName {
    return this.#made.state;
  }

  get reason(): string | null {
    return this.#made.reason;
  }

  get events(): LifecycleEvents {
    return this.#made.events;
  }

  get health(): Health {
    return this.#made.health;
  }

  get gauges(): Gauges {
    return this.#made.gauges;
  }

  get activities(): Activities {
    return this.#made.activities;
  }

  warn(error: LastcallError): void {
    this.#made.warn(error);
  }

  tell(event: UpgradeEvent): void {
    this.#made.tell(event);
  }

  status(): LifecycleStatus {
    return this.#made.status();
  }

  dump(options?: DumpOptions): Promise<DumpResult> {
    return this.#made.dump(options);
  }

  startProfile(options?: ProfileOptions): Promise<void> {
    return this.#made.startProfile(options);
  }

  stopProfile(): Promise<ProfileResult | null> {
    return this.#made.stopProfile();
  }

  setup(options: SetupOptions): void {
    this.#made.setup(options);
  }

  onWrapUp(listener: Listener, options?: WrapUpOptions): Registration {
    return this.#made.onWrapUp(listener, options);
  }

  onShutdown(listener: Listener, options?: ShutdownOptions): Registration {
    return this.#made.onShutdown(listener, options);
  }

  shutdown(reason?: string): Promise<Report> {
    return this.#made.shutdown(reason);
  }

  hammer(): void {
    this.#made.hammer();
  }

  install(): Remover {
    return this.#made.install();
  }

  uninstall(): void {
    this.#made.uninstall();
  }
}

/**
 * The lifecycle of this process. All copies of the package, through `require` or `import`, share it.
 *
 * Importing it does nothing observable: signal handlers come with the first listener, or `proc.install()`.
 */
export const proc: Lifecycle = singleton(
  '@lastcall/proc.v0',
  () => new LazyLifecycle(() => engine().createProcessLifecycle()),
);

/** Go's `os/signal` for this process. */
export const signals: Signals = singleton('@lastcall/proc.signals.v0', () =>
  Object.freeze<Signals>({
    notify: (target, ...names) => engine().signals.notify(target, ...names),
    stop: (target) => engine().signals.stop(target),
    reset: (...names) => engine().signals.reset(...names),
    ignore: (...names) => engine().signals.ignore(...names),
    ignored: (name) => engine().signals.ignored(name),
    notifyContext: (...args: unknown[]) => engine().signals.notifyContext(...(args as never[])),
    channel: (capacity) => engine().signals.channel(capacity),
    before: (name, hook) => engine().signals.before(name, hook),
    after: (name, hook) => engine().signals.after(name, hook),
  }),
);

/** The line that lastcall's own logger writes for an event, with its level; for loggers of one's own. */
export function formatEvent(event: LifecycleEvent): EventLine | undefined {
  return (require('./format-event') as typeof import('./format-event')).formatEvent(event);
}

/** The text of a dump; `DumpResult.text` has it already, a file that was read back has not. */
export function formatDump(dump: DumpDocument): string {
  return (require('./dump/format-dump') as typeof import('./dump/format-dump')).formatDump(dump);
}

/**
 * Compares two dumps: which groups, activities and handles grew. They may be of two processes of the same code.
 *
 * @param before - the `json` of the earlier dump, or what was parsed of its file
 */
export function diffDumps(before: DumpDocument, after: DumpDocument): DumpDiff {
  return (require('./dump/diff-dumps') as typeof import('./dump/diff-dumps')).diffDumps(
    before,
    after,
  );
}

/** What changed between two dumps, for people: growth first. */
export function formatDumpDiff(diff: DumpDiff): string {
  return (
    require('./dump/format-dump-diff') as typeof import('./dump/format-dump-diff')
  ).formatDumpDiff(diff);
}

// Rarely needed when a program starts.

type CheckOptions = typeof import('./check-options');
type Errors = typeof import('./lastcall-error');
type Stages = typeof import('./stages');
type WaitTokens = typeof import('./await-sites/wait-token');

export type LastcallError = import('./lastcall-error').LastcallError;
export type WaitToken = import('./await-sites/wait-token').WaitToken;
export declare const LastcallError: Errors['LastcallError'];
export declare const toError: Errors['toError'];
export declare const STAGES: Stages['STAGES'];
export declare const WaitToken: WaitTokens['WaitToken'];
export declare const assertLifecycle: CheckOptions['assertLifecycle'];
export declare const assertOptionsObject: CheckOptions['assertOptionsObject'];
export declare const describe: CheckOptions['describe'];
export declare const isDelay: CheckOptions['isDelay'];
export declare const mergeSettings: CheckOptions['mergeSettings'];

// By these assignments Node knows what an ES module may import by name.
exports.LastcallError = exports.toError = exports.STAGES = exports.WaitToken = undefined;
exports.assertLifecycle =
  exports.assertOptionsObject =
  exports.describe =
  exports.isDelay =
  exports.mergeSettings =
    undefined;

exportLazily(() => require('./lastcall-error') as Errors, ['LastcallError', 'toError']);
exportLazily(() => require('./stages') as Stages, ['STAGES']);
exportLazily(() => require('./await-sites/wait-token') as WaitTokens, ['WaitToken']);
exportLazily(
  () => require('./check-options') as CheckOptions,
  ['assertLifecycle', 'assertOptionsObject', 'describe', 'isDelay', 'mergeSettings'],
);

/** As in `singleton.ts`, which the engine loads; the major version in the names is compared with its by a test. */
function singleton<T>(name: string, create: () => T): T {
  const registry = globalThis as unknown as Record<symbol, T | undefined>;
  return (registry[Symbol.for(name)] ??= create());
}

function exportLazily<T>(load: () => T, names: readonly (keyof T)[]): void {
  for (const name of names) {
    const get = (): unknown => {
      const value = load()[name];
      // From the second use on it is an export like any other.
      Object.defineProperty(exports, name, { enumerable: true, value });
      return value;
    };
    Object.defineProperty(exports, name, { enumerable: true, configurable: true, get });
  }
}
