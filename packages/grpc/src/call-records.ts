import type { ServerHttp2Stream } from 'node:http2';
import type { CallRecord } from './call';

/** How many of the latest calls have a place of their own; a power of two. */
const PLACES = 32;

/** So many records of calls that are over may be left besides those. */
const FEWEST = 16;

/**
 * The records of the calls on one connection, by the numbers of their streams.
 *
 * Neither on the streams, as an object with one property more slows down all code that handles it, nor in a WeakMap, which
 * costs more at each garbage collection. Nothing is heard of the end of a call: the call that comes 32 later takes its place, and
 * most are over by then. Those that are not are put aside, and what is over among them is thrown out from time to time, when half of them
 * must be of that kind.
 */
export class CallRecords {
  /** Whose each place is; 0 is nobody's stream. */
  readonly #ids: number[] = Array<number>(PLACES).fill(0);
  readonly #latest: (CallRecord | undefined)[] = Array<undefined>(PLACES).fill(undefined);
  readonly #long = new Map<number, CallRecord>();
  readonly #open: ReadonlyMap<number, ServerHttp2Stream>;
  #most = FEWEST;

  /** @param open - The streams that are not closed, as Node keeps them. */
  constructor(open: ReadonlyMap<number, ServerHttp2Stream>) {
    this.#open = open;
  }

  add(id: number, record: CallRecord): void {
    const place = placeOf(id);
    const before = this.#ids[place] as number;
    if (before !== 0 && this.#open.has(before)) this.#putAside(before, this.#latest[place]);
    this.#ids[place] = id;
    this.#latest[place] = record;
  }

  /** The record of the call on stream `id`; undefined if it is older than the drain. */
  get(id: number | undefined): CallRecord | undefined {
    if (id === undefined) return undefined;
    const place = placeOf(id);
    return this.#ids[place] === id ? this.#latest[place] : this.#long.get(id);
  }

  /** How many records there are, of calls that are over too. */
  get size(): number {
    return this.#ids.filter((id) => id !== 0).length + this.#long.size;
  }

  #putAside(id: number, record: CallRecord | undefined): void {
    if (record === undefined) return;
    this.#long.set(id, record);
    if (this.#long.size > this.#most) this.#throwOut();
  }

  #throwOut(): void {
    for (const id of this.#long.keys()) if (!this.#open.has(id)) this.#long.delete(id);
    this.#most = Math.max(FEWEST, this.#long.size * 2);
  }
}

/** The streams of a client have odd numbers. */
function placeOf(id: number): number {
  return (id >> 1) & (PLACES - 1);
}
