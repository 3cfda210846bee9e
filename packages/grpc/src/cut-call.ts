import type { ServerHttp2Stream } from 'node:http2';
import { type CallKind, type CallState, messagesSentOn, stateOf } from './call';
import type { Connection } from './connection';

/** A call that was cut. */
export interface CutCall {
  /** `/package.Service/Method`. Undefined for a call that is older than the drain. */
  readonly method: string | undefined;
  /** Undefined for one that is older than the drain, and when no such method is served. */
  readonly kind: CallKind | undefined;
  /** `address:port` of the client, or `unix`. */
  readonly peer: string;
  /** For how long it was in flight, in milliseconds; null for a call that is older than the drain. */
  readonly ageMs: number | null;
  /** How many messages the handler had sent, or had tried to. */
  readonly messagesSent: number;
  readonly state: CallState;
}

/** Describes the call on `stream`. */
export function describeCall(stream: ServerHttp2Stream, connection: Connection): CutCall {
  const record = connection.recordOf(stream);
  return {
    method: record?.method,
    kind: record?.kind,
    peer: connection.peer,
    ageMs: record === undefined ? null : Math.round(performance.now() - record.startedAt),
    messagesSent: messagesSentOn(stream, record),
    state: stateOf(stream),
  };
}
