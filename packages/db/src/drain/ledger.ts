import { LastcallError } from '@lastcall/proc';
import { type AcquireSite, captureAcquireSite } from './acquire-site';
import { CoarseClock } from './coarse-clock';
import type { Outcome } from './cut-work';
import type { Ticket } from './drain-feed';
import { Link, LinkedList } from './linked-list';

// An acquire takes a microsecond in a good pool. What is here allocates one small object per acquire; where a connection carries
// its entry, nothing is looked up; and the system is not asked for the time each time.

/** Work that waits for a connection. */
export class Waiter extends Link<Waiter> implements Ticket {
  readonly since: number | undefined;
  readonly site: AcquireSite | undefined;
  readonly cut: (reason: Error) => void;
  isWaiting = true;
  isCut = false;

  constructor(
    cut: (reason: Error) => void,
    since: number | undefined,
    site: AcquireSite | undefined,
  ) {
    super();
    this.cut = cut;
    this.since = since;
    this.site = site;
  }
}

/** Work that has begun. Used again for the next work on the same connection. */
export class Entry<W extends object = object> extends Link<Entry<W>> {
  readonly work: W;
  since = 0;
  site: AcquireSite | undefined = undefined;
  /** It had begun before `since`. */
  isOlder = false;
  /** It has begun, and not ended. */
  isActive = false;
  /** The connection is gone, but whoever holds it has not given it back. */
  isLost = false;
  /** Whoever held the connection has given it back, and something of theirs still runs there. */
  isLingering = false;
  /** It was reported as a leak. */
  isLeaked = false;

  constructor(work: W) {
    super();
    this.work = work;
  }
}

/** Who is told of changes during a stop. */
export interface LedgerObserver<W extends object> {
  ended(work: W): void;
  lost(work: W, entry: Entry<W>, outcome: Exclude<Outcome, 'finished'>): void;
  /** An acquire has failed without our doing. */
  failed(waiter: Waiter): void;
  changed(): void;
}

interface Carrier<W extends object> {
  readonly [carried: symbol]: Entry<W> | undefined;
}

/** Whether new work may begin. `draining`: only as long as other work is in flight. */
export type Gate = 'open' | 'draining' | 'closed';

/** How many entries of work that is over may be kept for its next time. */
const MOST_SPARE = 64;

/** The books of a pool: who waits for a connection, who has one and since when, and whether more may come. */
export class Ledger<W extends object> {
  readonly waiters: LinkedList<Waiter> = new LinkedList();
  /** What has begun and not ended, in the order of the begin. */
  readonly entries: LinkedList<Entry<W>> = new LinkedList();
  gate: Gate = 'open';
  observer: LedgerObserver<W> | undefined;
  readonly #pool: string;
  readonly #acquireSites: boolean;
  readonly #clock = new CoarseClock();
  /** Where connections carry their entries. */
  readonly #carried = Symbol('lastcall');
  /** Those of `entries`, and those of work that comes again; but not those that are carried. */
  readonly #known: Map<W, Entry<W>> = new Map();
  #lost = 0;

  /** @param pool - What messages call the pool: `the pg pool`. */
  constructor(pool: string, acquireSites: boolean) {
    this.#pool = pool;
    this.#acquireSites = acquireSites;
  }

  /** Whether nothing is in flight that could still finish. */
  get isQuiet(): boolean {
    return this.waiters.size === 0 && this.entries.size === this.#lost;
  }

  /** Whether acquires that do not wait need not be noted. */
  get isOpen(): boolean {
    return this.gate === 'open' && this.observer === undefined && !this.#acquireSites;
  }

  /** How many entries are kept for work that is over, in case it comes again. */
  get spare(): number {
    return this.#known.size - this.entries.size;
  }

  /** Whether `work` has begun, and not ended. */
  has(work: W): boolean {
    return this.#entryOf(work)?.isActive === true;
  }

  carry(work: W): void {
    if (this.#entryOf(work) !== undefined) return;
    Object.defineProperty(work, this.#carried, { value: new Entry(work) });
  }

  /** No timer is left. */
  close(): void {
    this.#clock.stop();
  }

  admit(): void {
    if (this.gate !== 'closed') return;
    throw new LastcallError(
      'LASTCALL_DB_DRAINING',
      `${this.#pool} takes no new work: it drains, or is closed, as the process stops`,
    );
  }

  enqueue(
    cut: (reason: Error) => void,
    below: (...args: never[]) => unknown,
    isServedNow = false,
    asked?: AcquireSite,
  ): Waiter {
    this.admit();
    const since = isServedNow ? undefined : this.#clock.now();
    const site = this.#acquireSites ? (asked ?? captureAcquireSite(below)) : undefined;
    const waiter = new Waiter(cut, since, site);
    this.waiters.add(waiter);
    return waiter;
  }

  leave(waiter: Waiter, work?: W, hasFailed = false): boolean {
    if (waiter.isCut) {
      if (work !== undefined) this.#remove(work);
      return false;
    }
    if (waiter.isWaiting) this.#stopWaiting(waiter);
    if (work !== undefined && waiter.site !== undefined) this.#begin(work).site = waiter.site;
    if (this.observer === undefined) return true;
    if (hasFailed) this.observer.failed(waiter);
    this.observer.changed();
    return true;
  }

  begin(work: W, site?: () => AcquireSite): void {
    const entry = this.#begin(work);
    if (site !== undefined && this.#acquireSites) entry.site ??= site();
  }

  adopt(work: W): void {
    this.#begin(work).isOlder = true;
  }

  linger(work: W): void {
    const entry = this.#entryOf(work);
    if (entry?.isActive === true) entry.isLingering = true;
  }

  lingers(work: W): boolean {
    return this.#entryOf(work)?.isLingering === true;
  }

  settled(work: W): void {
    if (this.lingers(work)) this.end(work);
  }

  end(work: W): void {
    const entry = this.#remove(work);
    if (this.observer === undefined) return;
    if (entry?.isLost === false) this.observer.ended(work);
    this.observer.changed();
  }

  lost(work: W, outcome: Exclude<Outcome, 'finished'>): void {
    const entry = this.#entryOf(work);
    if (entry?.isActive !== true || entry.isLost) return;
    this.#writeOff(entry);
    this.observer?.lost(work, entry, outcome);
    this.observer?.changed();
  }

  /** `work` is not waited for any more, whether it is ever given back or not. */
  writeOff(work: W): void {
    const entry = this.#entryOf(work);
    if (entry?.isActive === true && !entry.isLost) this.#writeOff(entry);
  }

  /** Every unit of work that can still finish. */
  *pending(): Generator<[work: W, entry: Entry<W>]> {
    for (const entry of this.entries) if (!entry.isLost) yield [entry.work, entry];
  }

  /** Fails every acquire that waits. */
  cutWaiters(reason: Error): Waiter[] {
    const cut = [...this.waiters];
    for (const waiter of cut) {
      this.#stopWaiting(waiter);
      waiter.isCut = true;
    }
    for (const waiter of cut) waiter.cut(reason);
    return cut;
  }

  #stopWaiting(waiter: Waiter): void {
    waiter.isWaiting = false;
    this.waiters.remove(waiter);
  }

  #entryOf(work: W): Entry<W> | undefined {
    return (work as Carrier<W>)[this.#carried] ?? this.#known.get(work);
  }

  #begin(work: W): Entry<W> {
    let entry = this.#entryOf(work);
    if (entry === undefined) {
      entry = new Entry(work);
      this.#known.set(work, entry);
    } else if (entry.isActive) {
      entry.isLingering = false;
      return entry;
    }
    entry.since = this.#clock.now();
    entry.site = undefined;
    entry.isOlder = false;
    entry.isActive = true;
    entry.isLost = false;
    entry.isLeaked = false;
    this.entries.add(entry);
    return entry;
  }

  #writeOff(entry: Entry<W>): void {
    entry.isLost = true;
    this.#lost++;
  }

  #remove(work: W): Entry<W> | undefined {
    const entry = this.#entryOf(work);
    if (entry?.isActive !== true) return undefined;
    entry.isActive = false;
    entry.isLingering = false;
    this.entries.remove(entry);
    if (entry.isLost) this.#lost--;
    if (this.spare > MOST_SPARE) this.#forgetSpare();
    return entry;
  }

  /** Where work is a command, or a connection that was closed, it does not come again. */
  #forgetSpare(): void {
    for (const [work, { isActive }] of this.#known) if (!isActive) this.#known.delete(work);
  }
}
