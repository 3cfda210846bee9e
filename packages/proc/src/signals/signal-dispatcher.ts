import type { Environment, Remover } from '../environment';
import { LastcallError, toError } from '../lastcall-error';

/** Called for each delivery of a signal. */
export type SignalHandler = (signal: NodeJS.Signals) => void;

/**
 * Signals whose handler stays once it was installed: without one SIGUSR1 and SIGUSR2 kill the process, also after
 * Node's own inspector handler for SIGUSR1 has been displaced. In Go they are caught and do nothing.
 */
const RETAINED: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2'];

type Group = 'before' | 'owners' | 'recipients' | 'after';

/** The order in which the groups of one signal are called. */
const ORDER: readonly Group[] = ['before', 'owners', 'recipients', 'after'];

/**
 * Hands each signal of a process to whoever registered for it, through at most one handler per signal.
 *
 * Invariant: a handler is installed exactly while somebody is registered for the signal or the signal is ignored,
 * except for the retained ones, which never leave. `owners` are lifecycles: `reset()` does not touch them.
 */
export class SignalDispatcher {
  readonly #environment: Environment;
  readonly #registered = new Map<NodeJS.Signals, Record<Group, Set<SignalHandler>>>();
  readonly #installed = new Map<NodeJS.Signals, Remover>();
  readonly #ignored = new Set<NodeJS.Signals>();
  readonly #errorHandlers = new Set<(error: LastcallError) => void>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Registers `handler`; a signal that was ignored no longer is, when a recipient asks for it. */
  add(group: Group, signal: NodeJS.Signals, handler: SignalHandler): Remover {
    if (group === 'recipients') this.#ignored.delete(signal);
    this.#groups(signal)[group].add(handler);
    this.#reconcile(signal);
    return () => this.remove(group, signal, handler);
  }

  /** Undoes {@link SignalDispatcher.add}; unknown handlers are left alone. */
  remove(group: Group, signal: NodeJS.Signals, handler: SignalHandler): void {
    if (this.#registered.get(signal)?.[group].delete(handler)) this.#reconcile(signal);
  }

  /** Removes `handler` from the recipients of every signal. */
  removeRecipient(handler: SignalHandler): void {
    for (const signal of this.#registered.keys()) this.remove('recipients', signal, handler);
  }

  /** Drops the recipients of `signal` and ends ignoring it. */
  reset(signal: NodeJS.Signals): void {
    this.#ignored.delete(signal);
    this.#registered.get(signal)?.recipients.clear();
    this.#reconcile(signal);
  }

  /** Drops the recipients of `signal` and discards it from now on. */
  ignore(signal: NodeJS.Signals): void {
    this.#registered.get(signal)?.recipients.clear();
    this.#ignored.add(signal);
    this.#reconcile(signal);
  }

  isIgnored(signal: NodeJS.Signals): boolean {
    return this.#ignored.has(signal);
  }

  /** Passes what hooks and recipients throw to `handler`; without any, it becomes a process warning. */
  onError(handler: (error: LastcallError) => void): Remover {
    this.#errorHandlers.add(handler);
    return () => this.#errorHandlers.delete(handler);
  }

  #groups(signal: NodeJS.Signals): Record<Group, Set<SignalHandler>> {
    let groups = this.#registered.get(signal);
    if (groups === undefined) {
      groups = { before: new Set(), owners: new Set(), recipients: new Set(), after: new Set() };
      this.#registered.set(signal, groups);
    }
    return groups;
  }

  #reconcile(signal: NodeJS.Signals): void {
    const groups = this.#registered.get(signal);
    const isWanted = this.#ignored.has(signal) || ORDER.some((group) => groups?.[group].size);
    const remove = this.#installed.get(signal);
    if (isWanted && remove === undefined && this.#environment.isMainThread) {
      this.#installed.set(
        signal,
        this.#environment.onSignal(signal, (got) => this.#deliver(got)),
      );
    }
    if (!isWanted && remove !== undefined && !RETAINED.includes(signal)) {
      this.#installed.delete(signal);
      remove();
    }
  }

  #deliver(signal: NodeJS.Signals): void {
    if (this.#ignored.has(signal)) return;
    const groups = this.#groups(signal);
    const isHandled = groups.owners.size + groups.recipients.size > 0 || RETAINED.includes(signal);
    for (const group of ORDER)
      for (const handler of [...groups[group]]) this.#call(handler, signal);
    if (!isHandled) this.#applyDefault(signal);
  }

  /** Only hooks surround the signal: what they surround is its default disposition. */
  #applyDefault(signal: NodeJS.Signals): void {
    this.#installed.get(signal)?.();
    this.#installed.delete(signal);
    if (this.#environment.signalHandlerCount(signal) === 0) this.#environment.raise(signal);
    this.#reconcile(signal);
  }

  #call(handler: SignalHandler, signal: NodeJS.Signals): void {
    try {
      const result: unknown = handler(signal);
      if (result instanceof Promise) result.catch((error: unknown) => this.#report(error, signal));
    } catch (error) {
      this.#report(error, signal);
    }
  }

  #report(thrown: unknown, signal: NodeJS.Signals): void {
    const cause = toError(thrown);
    const message = `a hook or recipient of ${signal} threw: ${cause.message}; the others were called`;
    const error = new LastcallError('LASTCALL_SIGNAL_HOOK_FAILED', message, { cause });
    if (this.#errorHandlers.size === 0) this.#environment.warn(error);
    for (const handler of this.#errorHandlers) handler(error);
  }
}
