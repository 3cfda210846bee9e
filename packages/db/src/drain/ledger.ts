import { LastcallError } from '@lastcall/proc';
import { type AcquireSite, captureAcquireSite } from './acquire-site';
import type { Outcome } from './cut-work';
import type { Ticket } from './drain-feed';

/** Work that waits for a connection. */
export class Waiter implements Ticket {
  readonly since: number = performance.now();
  readonly site: AcquireSite | undefined;
  readonly cut: (reason: Error) => void;
  isCut = false;

  constructor(cut: (reason: Error) => void, site: AcquireSite | undefined) {
    this.cut = cut;
    this.site = site;
  }
}

/** Work that has begun. */
export class Entry {
  readonly since: number = performance.now();
  site: AcquireSite | undefined;
  /** The connection is gone, but whoever holds it has not given it back. */
  isLost = false;
  /** It was reported as a leak. */
  isLeaked = false;
}

/** Who is told of changes during a stop. */
export interface LedgerObserver<W extends object> {
  ended(work: W): void;
  lost(work: W, entry: Entry, outcome: Exclude<Outcome, 'finished'>): void;
  changed(): void;
}

/** Whether new work may begin. `draining`: only as long as other work is in flight. */
export type Gate = 'open' | 'draining' | 'closed';

/** The books of a pool: who waits for a connection, who has one and since when, and whether more may come. */
export class Ledger<W extends object> {
  readonly waiters: Set<Waiter> = new Set();
  /** In the order of their begin. */
  readonly entries: Map<W, Entry> = new Map();
  gate: Gate = 'open';
  observer: LedgerObserver<W> | undefined;
  readonly #pool: string;
  readonly #acquireSites: boolean;
  #lost = 0;

  constructor(pool: string, acquireSites: boolean) {
    this.#pool = pool;
    this.#acquireSites = acquireSites;
  }

  /** Whether nothing is in flight that could still finish. */
  get isQuiet(): boolean {
    return this.waiters.size === 0 && this.entries.size === this.#lost;
  }

  admit(): void {
    if (this.gate !== 'closed') return;
    throw new LastcallError(
      'LASTCALL_DB_DRAINING',
      `the ${this.#pool} pool takes no new work: it drains, or is closed, as the process stops`,
    );
  }

  enqueue(cut: (reason: Error) => void, below: (...args: never[]) => unknown): Waiter {
    this.admit();
    const waiter = new Waiter(cut, this.#acquireSites ? captureAcquireSite(below) : undefined);
    this.waiters.add(waiter);
    return waiter;
  }

  leave(waiter: Waiter, work?: W): boolean {
    if (waiter.isCut) {
      if (work !== undefined) this.#remove(work);
      return false;
    }
    this.waiters.delete(waiter);
    if (work !== undefined && waiter.site !== undefined) {
      this.begin(work);
      (this.entries.get(work) as Entry).site = waiter.site;
    }
    this.observer?.changed();
    return true;
  }

  begin(work: W, site?: () => AcquireSite): void {
    if (this.entries.has(work)) return;
    const entry = new Entry();
    if (site !== undefined && this.#acquireSites) entry.site = site();
    this.entries.set(work, entry);
  }

  end(work: W): void {
    const wasLost = this.#remove(work)?.isLost;
    if (wasLost === false) this.observer?.ended(work);
    this.observer?.changed();
  }

  lost(work: W, outcome: Exclude<Outcome, 'finished'>): void {
    const entry = this.entries.get(work);
    if (entry === undefined || entry.isLost) return;
    this.writeOff(work);
    this.observer?.lost(work, entry, outcome);
    this.observer?.changed();
  }

  /** `work` is not waited for any more, whether it is ever given back or not. */
  writeOff(work: W): void {
    const entry = this.entries.get(work);
    if (entry === undefined || entry.isLost) return;
    entry.isLost = true;
    this.#lost++;
  }

  /** Every unit of work that can still finish. */
  *pending(): Generator<[work: W, entry: Entry]> {
    for (const pair of this.entries) if (!pair[1].isLost) yield pair;
  }

  /** Fails every acquire that waits. */
  cutWaiters(reason: Error): Waiter[] {
    const cut = [...this.waiters];
    this.waiters.clear();
    for (const waiter of cut) waiter.isCut = true;
    for (const waiter of cut) waiter.cut(reason);
    return cut;
  }

  #remove(work: W): Entry | undefined {
    const entry = this.entries.get(work);
    if (entry === undefined) return undefined;
    this.entries.delete(work);
    if (entry.isLost) this.#lost--;
    return entry;
  }
}
