import type { DumpDiff } from './dump/diff-dumps';
import type { DumpDocument } from './dump/dump-document';
import type { LifecycleEvent } from './events';
import type { EventLine } from './format-event';
import { LazyLifecycle } from './lazy-lifecycle';
import type { Lifecycle } from './lifecycle';
import type { SetupOptions } from './settings';
import type { Signals } from './signals/signals';
import { singleton } from './singleton';
import { MAJOR_VERSION } from './version';

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

/**
 * The lifecycle of this process. All copies of the package, through `require` or `import`, share it.
 *
 * Importing it does nothing observable: signal handlers come with the first listener, or `proc.install()`.
 */
export const proc: Lifecycle = singleton(
  `@lastcall/proc.v${MAJOR_VERSION}`,
  () => new LazyLifecycle(() => engine().createProcessLifecycle()),
);

/** Go's `os/signal` for this process. */
export const signals: Signals = singleton(`@lastcall/proc.signals.v${MAJOR_VERSION}`, () =>
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
