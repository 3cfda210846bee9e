import type { ServerResponse } from 'node:http';
import type { Connection } from './connection';
import type { ConnectionTracker } from './connection-tracker';
import { currentResponse } from './node-internals';

interface Watched {
  /** `performance.now()` when the drain saw it first. */
  readonly seenAt: number;
  readonly isRefused: boolean;
  /** It has begun before, nobody knows when. */
  readonly isOlder: boolean;
}

/** What to do as HTTP/1 responses come and go. */
export interface InFlightHooks {
  /** A response is watched from now on. */
  watching(response: ServerResponse): void;
  /** The last response known on `connection` has been written to the last byte. */
  idle(connection: Connection): void;
}

/** The HTTP/1 requests whose response is not written to the last byte yet, as far as the drain has met them. */
export class InFlightRequests {
  readonly #tracker: ConnectionTracker;
  readonly #hooks: InFlightHooks;
  readonly #watched = new Map<ServerResponse, Watched>();
  readonly #onFinish: (this: ServerResponse) => void;
  readonly #last = new WeakSet<ServerResponse>();
  #counts = false;
  /** How many finished since {@link startCounting}. */
  finished = 0;

  constructor(tracker: ConnectionTracker, hooks: InFlightHooks) {
    this.#tracker = tracker;
    this.#hooks = hooks;
    const finish = (response: ServerResponse) => this.#finish(response);
    this.#onFinish = function (this: ServerResponse) {
      finish(this);
    };
  }

  startCounting(): void {
    this.#counts = true;
  }

  /** Follows `response`, which has just begun, to its end. @param isRefused - It does not count as drained. */
  watch(response: ServerResponse, isRefused = false): void {
    this.#follow(response, isRefused, false);
  }

  /** Follows the response being sent on `connection`; false when there is none. */
  watchCurrent(connection: Connection): boolean {
    const { transport } = connection;
    const response = transport && currentResponse(transport);
    if (response === undefined) return false;
    this.#follow(response, false, true);
    return true;
  }

  /** What Node sends after `response` on its connection, if anything, has not reached the app and is not waited for. */
  markLast(response: ServerResponse): void {
    this.#last.add(response);
  }

  /** Every response in flight that is not a refusal, with when the drain saw it first, and whether it had begun before. */
  *[Symbol.iterator](): Generator<[response: ServerResponse, seenAt: number, isOlder: boolean]> {
    for (const [response, { seenAt, isRefused, isOlder }] of this.#watched) {
      if (!isRefused) yield [response, seenAt, isOlder];
    }
  }

  clear(): void {
    for (const response of this.#watched.keys()) response.off('finish', this.#onFinish);
    this.#watched.clear();
  }

  #follow(response: ServerResponse, isRefused: boolean, isOlder: boolean): void {
    if (this.#watched.has(response)) return;
    this.#watched.set(response, { seenAt: performance.now(), isRefused, isOlder });
    response.on('finish', this.#onFinish);
    this.#hooks.watching(response);
  }

  #finish(response: ServerResponse): void {
    const watched = this.#watched.get(response);
    this.#watched.delete(response);
    if (this.#counts && watched?.isRefused === false) this.finished++;
    const connection = this.#tracker.of(response.req.socket);
    if (connection === undefined) return;
    // Node's own 'finish' listener came first: a pipelined response is the current one by now.
    if (this.#last.has(response) || !this.watchCurrent(connection)) this.#hooks.idle(connection);
  }
}
