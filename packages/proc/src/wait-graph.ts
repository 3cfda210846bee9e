import { AsyncLocalStorage } from 'node:async_hooks';
import { LastcallError } from './lastcall-error';
import type { Entry } from './registration';
import { stageRank } from './stages';

/**
 * Tells in which listener code runs. One for all stops: on Node 20 and 22 each costs something at every promise of the
 * process, so it is on only while a stop runs.
 */
const running = new AsyncLocalStorage<Entry>();
let stopsRunning = 0;

/**
 * Knows which listener waits for which while a stop runs, and refuses the wait that would close a circle.
 *
 * Who waits is known by the async context that each listener runs in. Besides the waits that listeners ask for, every
 * listener of a later phase or stage waits for all of the earlier ones. The context exists during a stop only.
 */
export class WaitGraph {
  readonly #waits = new Map<Entry, Set<Entry>>();

  constructor() {
    stopsRunning += 1;
  }

  /** The stop is over: nothing is to be known any more. */
  end(): void {
    stopsRunning -= 1;
    if (stopsRunning === 0) running.disable();
  }

  /** The listener in which the calling code runs, if it has not settled. */
  get current(): Entry | undefined {
    const entry = running.getStore();
    return entry?.state === 'running' ? entry : undefined;
  }

  /** Calls `fn` as the listener `entry`. */
  run<T>(entry: Entry, fn: () => T): T {
    if (!entry.isLeaf) return running.run(entry, fn);
    // One that is registered by a running listener runs at once, and is not that listener.
    return running.getStore() === undefined ? fn() : running.exit(fn);
  }

  /**
   * Waits for `target` through `wait`, on behalf of the listener that calls, if one does.
   *
   * @throws LastcallError `LASTCALL_DEADLOCK` (as a rejection) when `target` cannot settle before the caller does.
   */
  async wait(target: Entry, wait: () => Promise<void>): Promise<void> {
    // A listener that is over may leave work behind; nothing waits for that.
    const waiter = this.current;
    if (waiter === undefined) return wait();
    if (this.#reaches(target, waiter, new Set())) throw deadlock(waiter, target);
    const targets = this.#waits.get(waiter) ?? new Set();
    this.#waits.set(waiter, targets.add(target));
    try {
      await wait();
    } finally {
      targets.delete(target);
    }
  }

  #reaches(from: Entry, to: Entry, seen: Set<Entry>): boolean {
    if (from === to || (from.state === 'waiting' && stageRank(from.stage) > stageRank(to.stage)))
      return true;
    if (from.state === 'over' || seen.has(from)) return false;
    seen.add(from);
    return [...(this.#waits.get(from) ?? [])].some((next) => this.#reaches(next, to, seen));
  }
}

/** What shutdown() returns settles after every listener: one that awaits it waits for itself. */
export function awaitsItself(caller: Entry): LastcallError {
  return new LastcallError(
    'LASTCALL_DEADLOCK',
    `listener '${caller.name}' called shutdown(), whose promise resolves only after '${caller.name}' has settled; ` +
      'do not await it there',
  );
}

function deadlock(waiter: Entry, target: Entry): LastcallError {
  const why =
    waiter === target
      ? `listener '${waiter.name}' waits for itself`
      : `listener '${waiter.name}' waits for '${target.name}', which cannot settle before '${waiter.name}' does`;
  return new LastcallError(
    'LASTCALL_DEADLOCK',
    `${why}; await called() outside of listeners, or use an earlier stage`,
  );
}
