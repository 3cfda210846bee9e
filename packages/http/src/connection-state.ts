import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Connection } from './connection';
import { currentResponse, openStreams, speaksHttp1 } from './node-internals';

/**
 * State of an open connection, by the names of Go's `http.ConnState`:
 * `new` (has not sent a byte; its TLS handshake is not done; over HTTP/2: has not sent a request), `active` (a request has begun and its response is not
 * written to the last byte), `idle` (between requests), `hijacked` (upgraded, or a CONNECT tunnel).
 */
export type ConnectionState = 'new' | 'active' | 'idle' | 'hijacked';

/** How many connections are in each state; `closed` counts those that are gone since the drain was created. */
export type HttpConnections = Record<ConnectionState | 'closed', number>;

/**
 * Reads the state of `connection`.
 * @param midMessage - What `socketsMidMessage()` returns for its server.
 */
export function stateOf(connection: Connection, midMessage: ReadonlySet<Socket>): ConnectionState {
  const { transport, session } = connection;
  if (connection.upgrade !== undefined) return 'hijacked';
  if (transport === undefined) return 'new';
  if (session !== undefined) return sessionState(session);
  if (!speaksHttp1(transport)) return 'hijacked';
  if (currentResponse(transport) !== undefined) return 'active';
  if (transport.bytesRead === 0) return 'new';
  return midMessage.has(transport) ? 'active' : 'idle';
}

function sessionState(session: ServerHttp2Session): ConnectionState {
  if (openStreams(session)?.size) return 'active';
  return session.state.lastProcStreamID === 0 ? 'new' : 'idle';
}
