import type { ServerHttp2Stream } from 'node:http2';
import type { CallRecord } from './call';

/** So many records of calls that are over may be left on a connection. */
const FEWEST = 16;

/**
 * The records of the calls on one connection, by the numbers of their streams.
 *
 * Neither on the streams, as an object with one property more slows down all code that handles it, nor in a WeakMap, which
 * costs more at each garbage collection. Nothing is heard of the end of a call: what is over is thrown out from time to
 * time, when half of the records must be of that kind.
 */
export class CallRecords {
  readonly #records = new Map<number, CallRecord>();
  readonly #open: ReadonlyMap<number, ServerHttp2Stream>;
  #most = FEWEST;

  /** @param open - The streams that are not closed, as Node keeps them. */
  constructor(open: ReadonlyMap<number, ServerHttp2Stream>) {
    this.#open = open;
  }

  add(id: number, record: CallRecord): void {
    this.#records.set(id, record);
    if (this.#records.size > this.#most) this.#throwOut();
  }

  /** The record of the call on stream `id`; undefined if it is older than the drain. */
  get(id: number | undefined): CallRecord | undefined {
    return id === undefined ? undefined : this.#records.get(id);
  }

  /** How many records there are, of calls that are over too. */
  get size(): number {
    return this.#records.size;
  }

  #throwOut(): void {
    for (const id of this.#records.keys()) if (!this.#open.has(id)) this.#records.delete(id);
    this.#most = Math.max(FEWEST, this.#records.size * 2);
  }
}
