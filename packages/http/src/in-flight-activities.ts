import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { AcceptedSockets, Activity, ActivitySample } from '@lastcall/proc';
import type { Connection } from './connection';
import type { ConnectionTracker } from './connection-tracker';
import {
  compatRequest,
  currentResponse,
  latestRequest,
  openStreams,
  speaksHttp1,
  tcpSocketOf,
} from './node-internals';
import { peerOf } from './peer-of';

/** Lists requests and upgraded connections in flight, when asked. */
export interface InFlightActivities {
  /**
   * At most `limit` of them, and how many there are of each kind.
   * @param accepted - The sockets of the process by their server, where they are listed already.
   */
  list(owner: string, limit: number, accepted?: AcceptedSockets): ActivitySample;
}

/**
 * Reads what is in flight from what Node keeps about its connections: nothing is noted per request. So the age of a
 * request counts from the first time that somebody looked: at least so long. The age of an upgraded connection is exact.
 */
export function createInFlightActivities(tracker: ConnectionTracker): InFlightActivities {
  const seenAt = new WeakMap<object, number>();

  /** Milliseconds since `unit` of work was first seen here, which is its least age; null at that first time. */
  function ageOf(unit: object, now: number): Age {
    const since = seenAt.get(unit);
    if (since !== undefined) return { ageMs: Math.round(now - since), ageAtLeast: true };
    seenAt.set(unit, now);
    return FIRST_SEEN;
  }

  function onConnection(connection: Connection, owner: string, now: number): Activity[] {
    const { upgrade, session, transport, socket } = connection;
    const activity = (kind: string, name: string, state: string, age: Age) =>
      new ConnectionActivity(kind, name, state, age, owner, socket);
    if (upgrade !== undefined) {
      const ageMs = Math.round(now - upgrade.at);
      return [activity(upgrade.protocol, target(upgrade), 'upgraded', { ageMs })];
    }
    if (session !== undefined) {
      const streams = [...(openStreams(session)?.values() ?? [])];
      return streams.map((stream) => {
        const state = stream.headersSent ? 'responding' : 'waiting';
        return activity(REQUEST, target(compatRequest(stream) ?? {}), state, ageOf(stream, now));
      });
    }
    const found = transport && onTransport(transport, owner, now);
    return found === undefined ? [] : [found];
  }

  function onTransport(transport: Socket, owner: string, now: number): Activity | undefined {
    if (!speaksHttp1(transport)) return undefined;
    const response = currentResponse(transport);
    const request = response?.req ?? latestRequest(transport);
    if (request === undefined) return undefined;
    const state = response === undefined ? 'uploading' : stateOf(response);
    const age = ageOf(request, now);
    const socket = tcpSocketOf(transport);
    return new ConnectionActivity(REQUEST, target(request), state, age, owner, socket);
  }

  function list(owner: string, limit: number, accepted?: AcceptedSockets): ActivitySample {
    const now = performance.now();
    const counts: Record<string, number> = {};
    const activities: Activity[] = [];
    const add = (activity: Activity): void => {
      counts[activity.kind] = (counts[activity.kind] ?? 0) + 1;
      if (activities.length < limit) activities.push(activity);
    };
    for (const connection of tracker.recorded()) onConnection(connection, owner, now).forEach(add);
    // There may be 10,000 of them, and the process waits meanwhile: beyond the limit they are counted, and no more.
    const { sockets, count } = tracker.answering(Math.max(0, limit - activities.length), accepted);
    for (const transport of sockets) {
      const activity = onTransport(transport, owner, now);
      if (activity !== undefined) add(activity);
    }
    const unlisted = count - sockets.length;
    if (unlisted > 0) counts[REQUEST] = (counts[REQUEST] ?? 0) + unlisted;
    return { counts, activities };
  }

  return { list };
}

const REQUEST = 'http request';

type Age = Pick<Activity, 'ageMs' | 'ageAtLeast'>;

const FIRST_SEEN: Age = { ageMs: null };

/** An activity whose peer is asked for when somebody wants to know: that is a system call, and there may be 10,000. */
class ConnectionActivity implements Activity {
  readonly kind: string;
  readonly name: string;
  readonly owner: string | undefined;
  readonly state: string | undefined;
  readonly ageMs: number | null;
  readonly ageAtLeast: boolean | undefined;
  readonly #socket: Socket;

  constructor(kind: string, name: string, state: string, age: Age, owner: string, socket: Socket) {
    this.kind = kind;
    this.name = name;
    this.owner = owner;
    this.state = state;
    this.ageMs = age.ageMs;
    this.ageAtLeast = age.ageAtLeast;
    this.#socket = socket;
  }

  get peer(): string {
    return peerOf(this.#socket);
  }
}

function stateOf(response: ServerResponse): string {
  if (response.headersSent) return 'responding';
  return response.req.complete ? 'waiting' : 'uploading';
}

/** Method and path. Without the query: it may hold what nobody should read in a dump. */
function target({ method, url, path = url }: Target): string {
  const text = path ?? '';
  const end = text.indexOf('?');
  return `${method ?? 'unknown'} ${end === -1 ? text : text.slice(0, end)}`.trimEnd();
}

interface Target {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly path?: string | undefined;
}
