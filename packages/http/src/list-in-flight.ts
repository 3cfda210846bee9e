import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Connection, Upgrade } from './connection';
import type { ConnectionTracker } from './connection-tracker';
import type { CutRequest, CutState } from './cut-request';
import type { Http2Sessions } from './http2-sessions';
import type { InFlightRequests } from './in-flight-requests';
import {
  compatRequest,
  currentResponse,
  latestRequest,
  openStreams,
  speaksHttp1,
} from './node-internals';

/** Where to look. */
export interface InFlightSources {
  readonly tracker: ConnectionTracker;
  readonly requests: InFlightRequests;
  readonly sessions: Http2Sessions;
  /** What `socketsMidMessage()` returns. */
  readonly midMessage: ReadonlySet<Socket>;
  /** `performance.now()` when the drain began: the age of what is older. */
  readonly since: number;
}

/** Lists what a client still waits for on the connections of a server. */
export function listInFlight(sources: InFlightSources): CutRequest[] {
  const { tracker, requests } = sources;
  const listed = new Set<IncomingMessage>();
  const cut: CutRequest[] = [];
  for (const [response, seenAt, isOlder] of requests) {
    const connection = tracker.of(response.req.socket);
    if (connection === undefined) continue;
    listed.add(response.req);
    const state = stateOfResponse(response);
    cut.push(requestCut(connection, response.req, state, ageOf(seenAt, isOlder)));
  }
  for (const connection of tracker) cut.push(...othersOn(connection, sources, listed));
  return cut;
}

function othersOn(
  connection: Connection,
  sources: InFlightSources,
  listed: ReadonlySet<IncomingMessage>,
): CutRequest[] {
  const { upgrade, session, transport, closing } = connection;
  if (upgrade !== undefined) return [upgradeCut(connection, upgrade)];
  if (session !== undefined) return streamCuts(connection, session, sources);
  if (closing !== undefined || transport === undefined) return [];
  if (!speaksHttp1(transport)) return [upgradeCut(connection)];
  const latest = latestRequest(transport);
  if (latest !== undefined) {
    // Pipelined before the drain began: its response is still hidden behind the current one.
    const isAnswered = listed.has(latest) || currentResponse(transport) === undefined;
    return isAnswered
      ? []
      : [requestCut(connection, latest, 'waiting', ageOf(sources.since, true))];
  }
  const isHalfRead = transport.bytesRead > 0 && sources.midMessage.has(transport);
  return isHalfRead ? [halfReadCut(connection, sources.since)] : [];
}

function requestCut(
  { peer }: Connection,
  { httpVersion, method, url: path }: IncomingMessage,
  state: CutState,
  age: Age,
): CutRequest {
  return { protocol: `http/${httpVersion}`, method, path, ...age, peer, state };
}

function halfReadCut({ peer }: Connection, since: number): CutRequest {
  const unknown = { protocol: 'http/1.1', method: undefined, path: undefined };
  return { ...unknown, ...ageOf(since, true), peer, state: 'half-read headers' };
}

function upgradeCut({ peer, acceptedAt }: Connection, upgrade?: Upgrade): CutRequest {
  const { protocol = 'upgrade', method, path, at = acceptedAt } = upgrade ?? {};
  return { protocol, method, path, ...ageOf(at, upgrade === undefined), peer, state: 'upgraded' };
}

function streamCuts(
  { peer }: Connection,
  session: ServerHttp2Session,
  { sessions, since }: InFlightSources,
): CutRequest[] {
  const streams = [...(openStreams(session)?.values() ?? [])];
  return streams.map((stream) => {
    const known = sessions.recordOf(stream);
    const method = known?.method ?? compatRequest(stream)?.method;
    const path = known?.path ?? compatRequest(stream)?.url;
    const { seenAt = since, isOlder = true } = known ?? {};
    const age = ageOf(seenAt, isOlder);
    return { protocol: 'h2', method, path, ...age, peer, state: stateOfStream(stream) };
  });
}

function stateOfResponse(response: ServerResponse): CutState {
  if (response.headersSent) return 'responding';
  return response.req.complete ? 'waiting' : 'uploading';
}

/** NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE: the request has been received. */
const HALF_CLOSED_REMOTE = 6;

function stateOfStream(stream: ServerHttp2Stream): CutState {
  if (stream.headersSent) return 'responding';
  const isReceived = stream.state.state === HALF_CLOSED_REMOTE;
  return isReceived ? 'waiting' : 'uploading';
}

type Age = Pick<CutRequest, 'ageMs' | 'ageAtLeast'>;

/** @param isOlder - Whether it had begun before `since`. */
function ageOf(since: number, isOlder: boolean): Age {
  const ageMs = Math.round(performance.now() - since);
  return isOlder ? { ageMs, ageAtLeast: true } : { ageMs };
}
