import type { ServerHttp2Stream } from 'node:http2';
import { isDelay } from '@lastcall/proc';
import type { CallRecord } from './call';
import { endCall } from './end-call';
import type { GrpcDrainSettings, StreamingCall } from './grpc-drain-options';

const DEFAULT_GRACE_MS = 2000;

/** It tells of changes of health for ever, and after NOT_SERVING there is nothing more to tell. */
const HEALTH_WATCH = '/grpc.health.v1.Health/Watch';

/** Ends streaming calls when their grace is over. */
export class StreamGrace {
  readonly #graceMs: GrpcDrainSettings['streamGraceMs'];
  readonly #defaultMs: number;
  readonly #begunAt: number = performance.now();
  readonly #timers = new Map<ServerHttp2Stream, NodeJS.Timeout>();
  readonly #ended = new WeakSet<ServerHttp2Stream>();
  /** What the function of the application threw. */
  readonly errors: unknown[] = [];

  /** @param untilHammerMs - How long it is until the hammer; Infinity if that is not known. */
  constructor(graceMs: GrpcDrainSettings['streamGraceMs'], untilHammerMs: number) {
    this.#graceMs = graceMs;
    this.#defaultMs = Math.min(DEFAULT_GRACE_MS, untilHammerMs / 2);
  }

  /** Has the call on `stream` ended in time, if it is a streaming one. */
  watch(stream: ServerHttp2Stream, record: CallRecord | undefined): void {
    if (record === undefined || !isStreamingCall(record)) return;
    const dueInMs = this.#begunAt + this.#graceFor(record) - performance.now();
    this.#timers.set(
      stream,
      setTimeout(() => this.#end(stream), Math.max(0, dueInMs)),
    );
  }

  /** Whether the call on `stream` was ended here. */
  hasEnded(stream: ServerHttp2Stream): boolean {
    return this.#ended.has(stream);
  }

  /** No longer ends the call on `stream`. */
  forget(stream: ServerHttp2Stream): void {
    clearTimeout(this.#timers.get(stream));
    this.#timers.delete(stream);
  }

  clear(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #end(stream: ServerHttp2Stream): void {
    this.#timers.delete(stream);
    // Its handler has ended it already, and the client is about to have the rest.
    if (stream.writableEnded) return;
    this.#ended.add(stream);
    endCall(stream);
  }

  #graceFor(call: StreamingCall): number {
    if (call.method === HEALTH_WATCH) return 0;
    if (typeof this.#graceMs !== 'function') return this.#graceMs ?? this.#defaultMs;
    try {
      const graceMs = this.#graceMs({ method: call.method, kind: call.kind });
      if (isDelay(graceMs)) return graceMs;
      this.errors.push(new TypeError(`streamGraceMs() returned ${graceMs} for ${call.method}`));
    } catch (error) {
      this.errors.push(error);
    }
    return this.#defaultMs;
  }
}

function isStreamingCall(record: CallRecord): record is CallRecord & StreamingCall {
  return record.kind !== undefined && record.kind !== 'unary';
}
