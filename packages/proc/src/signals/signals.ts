import { describe } from '../check-options';
import type { Remover } from '../environment';
import { LastcallError } from '../lastcall-error';
import { createNotifyContext, type NotifyContext } from './notify-context';
import { SignalChannel } from './signal-channel';
import type { SignalDispatcher, SignalHandler } from './signal-dispatcher';
import { assertCatchable, CATCHABLE_SIGNALS } from './signal-names';

/** What {@link Signals.notify} can send to: a function, a {@link SignalChannel}, or whatever has its `push`. */
export type SignalTarget = SignalHandler | { push(signal: NodeJS.Signals): unknown };

/**
 * Go's `os/signal` for Node.js.
 *
 * A call that names no signal means all that JavaScript can catch. Where Node differs from Go: a process started with
 * SIGHUP ignored (`nohup`) has it back at its default, as Node resets dispositions at its start; once somebody
 * was notified of SIGUSR1 or SIGUSR2, a handler stays after `stop()` and `reset()`, as without one these signals kill.
 */
export interface Signals {
  /**
   * Sends the signals to `target` from now on. Several targets each get every signal; calls for the same target add up.
   * @returns the remover of what this call added
   * @throws LastcallError `LASTCALL_BAD_LISTENER`, `LASTCALL_UNKNOWN_SIGNAL`, `LASTCALL_UNCATCHABLE_SIGNAL`
   */
  notify(target: SignalTarget, ...names: NodeJS.Signals[]): Remover;
  /** Sends nothing more to `target`; signals that nobody is notified of get their default disposition back. */
  stop(target: SignalTarget): void;
  /** Undoes `notify` and `ignore` for the signals, for every target. Lifecycles keep theirs. */
  reset(...names: NodeJS.Signals[]): void;
  /** Drops every target of the signals and discards them from now on, for lifecycles too. */
  ignore(...names: NodeJS.Signals[]): void;
  /** Whether {@link Signals.ignore} is in force for the signal. */
  ignored(name: NodeJS.Signals): boolean;
  /** An AbortSignal that aborts at the first of the signals, at `stop()`, or with `parent`. */
  notifyContext(...names: NodeJS.Signals[]): NotifyContext;
  notifyContext(parent: AbortSignal | null | undefined, ...names: NodeJS.Signals[]): NotifyContext;
  /** A bounded channel for {@link Signals.notify}. */
  channel(capacity?: number): SignalChannel;
  /** Calls `hook` before the signal's action. Hooks are synchronous; one that throws is reported and stops nothing. */
  before(name: NodeJS.Signals, hook: SignalHandler): Remover;
  /** Calls `hook` after the signal's action has begun. */
  after(name: NodeJS.Signals, hook: SignalHandler): Remover;
}

/** Makes the signals of an environment, with the dispatcher that lifecycles share. */
export function createSignals(dispatcher: SignalDispatcher): Signals {
  const handlers = new WeakMap<object, SignalHandler>();

  function handlerOf(target: SignalTarget): SignalHandler {
    if (typeof target === 'function') return target;
    const channel = assertTarget(target);
    const known = handlers.get(channel);
    if (known !== undefined) return known;
    const handler: SignalHandler = (signal) => void channel.push(signal);
    handlers.set(channel, handler);
    return handler;
  }

  function notify(target: SignalTarget, ...names: NodeJS.Signals[]): Remover {
    const handler = handlerOf(target);
    const removers = chosen(names).map((name) => dispatcher.add('recipients', name, handler));
    return () => {
      for (const remove of removers) remove();
    };
  }

  function addHook(group: 'before' | 'after', name: NodeJS.Signals, hook: SignalHandler): Remover {
    assertCatchable(name);
    if (typeof hook !== 'function') throw notCallable(`signals.${group}()`, hook, 'a function');
    // A wrapper of its own for each call, so that the same function can be a hook twice.
    return dispatcher.add(group, name, (signal) => hook(signal));
  }

  return Object.freeze({
    notify,
    stop: (target: SignalTarget) => dispatcher.removeRecipient(handlerOf(target)),
    reset: (...names: NodeJS.Signals[]) => {
      for (const name of chosen(names)) dispatcher.reset(name);
    },
    ignore: (...names: NodeJS.Signals[]) => {
      for (const name of chosen(names)) dispatcher.ignore(name);
    },
    ignored: (name: NodeJS.Signals) => {
      assertCatchable(name);
      return dispatcher.isIgnored(name);
    },
    notifyContext: (...args: (AbortSignal | NodeJS.Signals | null | undefined)[]) => {
      const hasParent = typeof args[0] !== 'string';
      const names = chosen((hasParent ? args.slice(1) : args) as NodeJS.Signals[]);
      const parent = hasParent ? assertParent(args[0]) : undefined;
      return createNotifyContext(parent, (handler) => notify(handler, ...names));
    },
    channel: (capacity?: number) => new SignalChannel(capacity),
    before: (name: NodeJS.Signals, hook: SignalHandler) => addHook('before', name, hook),
    after: (name: NodeJS.Signals, hook: SignalHandler) => addHook('after', name, hook),
  });
}

function chosen(names: readonly NodeJS.Signals[]): readonly NodeJS.Signals[] {
  for (const name of names) assertCatchable(name);
  return names.length === 0 ? CATCHABLE_SIGNALS : names;
}

function assertParent(parent: unknown): AbortSignal | undefined {
  if (parent === undefined || parent === null) return undefined;
  if (parent instanceof AbortSignal) return parent;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `the parent of signals.notifyContext() must be an AbortSignal, got ${describe(parent)}`,
  );
}

function assertTarget(target: SignalTarget): { push(signal: NodeJS.Signals): unknown } {
  if (typeof target === 'object' && target !== null && typeof target.push === 'function')
    return target;
  throw notCallable('signals.notify()', target, 'a function or a channel');
}

function notCallable(call: string, got: unknown, wanted: string): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_LISTENER',
    `${call} takes ${wanted}, got ${describe(got)}`,
  );
}
