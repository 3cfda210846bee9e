import { EventEmitter } from 'node:events';
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Connection } from './connection';
import type { ConnectionTracker } from './connection-tracker';
import type { HttpServer } from './http-server';
import { capturesRejections } from './node-internals';
import { UPGRADE_EVENTS, type UpgradeRecorder } from './upgrade-recorder';

const REQUEST_EVENTS = ['request', 'checkContinue', 'checkExpectation'] as const;
type GatedEvent = (typeof REQUEST_EVENTS)[number] | (typeof UPGRADE_EVENTS)[number];
// biome-ignore lint/complexity/noBannedTypes: listeners() returns Function[]
type Listener = Function;

// biome-ignore lint/suspicious/noExplicitAny: what listeners get depends on the event
type Handler = (...args: any[]) => void;

/** One event whose listeners wait behind the gate. */
interface Gated {
  readonly event: GatedEvent;
  readonly listeners: readonly Listener[];
  /** Calls them. */
  readonly app: EventEmitter;
  own: Handler;
  /** The app has taken `own` from the server. It may have kept it, to call what it found there before (as engine.io does). */
  isTaken: boolean;
}

/** What the gate is to do with requests. */
export interface GatePolicy {
  /** A request is about to reach the app. */
  passing(response: ServerResponse): void;
  /** A request is about to be refused with 503. */
  refusing(response: ServerResponse): void;
  /** A connection has been sent the refusal of its upgrade, and FIN. */
  upgradeRefused(connection: Connection): void;
}

/**
 * Stands between the server and the app's listeners during the drain.
 *
 * HTTP/1 requests pass one tick later, when the parser has read the rest of what has arrived: only then it is known
 * whether a client has pipelined more, so whether a handler that answers at once may say `Connection: close`. Nothing
 * passes on a connection that is being closed, for it could not be answered.
 */
export class RequestGate {
  readonly #server: HttpServer;
  readonly #tracker: ConnectionTracker;
  readonly #recorder: UpgradeRecorder;
  readonly #policy: GatePolicy;
  readonly #gated = new Set<Gated>();
  #isRemoved = false;
  /** Whether requests are refused with 503. */
  refuses = false;

  constructor(
    server: HttpServer,
    tracker: ConnectionTracker,
    recorder: UpgradeRecorder,
    policy: GatePolicy,
  ) {
    this.#server = server;
    this.#tracker = tracker;
    this.#recorder = recorder;
    this.#policy = policy;
    for (const event of [...REQUEST_EVENTS, ...UPGRADE_EVENTS]) this.#gate(event);
    server.on('removeListener', this.#onRemoveListener);
  }

  /** Gives the app its listeners back. */
  remove(): void {
    this.#isRemoved = true;
    this.#server.off('removeListener', this.#onRemoveListener);
    for (const { event, listeners, own } of this.#gated) {
      this.#server.off(event, own);
      for (const listener of listeners) this.#server.on(event, listener as () => void);
    }
    this.#gated.clear();
    // The relays keep their listeners: a request may be on its way through the gate.
  }

  /** The app puts other listeners in place (`removeAllListeners('request')`, one that answers 503): the gate goes in front of them. */
  readonly #onRemoveListener = (event: string | symbol, listener: unknown): void => {
    for (const gated of this.#gated) {
      if (gated.event !== event || gated.own !== listener) continue;
      gated.isTaken = true;
      this.#gated.delete(gated);
      inPlace.delete(gated.own);
      process.nextTick(() => this.#gateAnew(gated.event));
    }
  };

  #gateAnew(event: GatedEvent): void {
    // Two gates, that of a drain that was detached and is stopped nevertheless, would take turns for ever.
    const isGated = this.#server.rawListeners(event).some((listener) => inPlace.has(listener));
    if (!this.#isRemoved && !isGated) this.#gate(event);
  }

  #gate(event: GatedEvent): void {
    const listeners = this.#server.rawListeners(event).filter((fn) => !this.#recorder.owns(fn));
    // Whether anybody listens decides what Node does with these; an expectation it would refuse unseen, we refuse.
    if (listeners.length === 0 && event !== 'request' && event !== 'checkExpectation') return;
    const gated: Gated = {
      event,
      listeners,
      app: relayFor(this.#server),
      own: () => {},
      isTaken: false,
    };
    gated.own = isUpgrade(event) ? this.#onUpgrade(gated) : this.#onRequest(gated);
    for (const listener of listeners) {
      this.#server.off(event, listener as () => void);
      gated.app.on(event, (...args) => listener.apply(this.#server, args));
    }
    this.#server.on(event, gated.own);
    this.#gated.add(gated);
    inPlace.add(gated.own);
  }

  #onRequest(gated: Gated): Handler {
    return (request: IncomingMessage, response: ServerResponse) => {
      // HTTP/2 passes; its sockets may not be touched once the session is gone.
      const isHttp1 = response instanceof ServerResponse;
      const connection = isHttp1 ? this.#tracker.of(request.socket) : undefined;
      if (connection === undefined || gated.isTaken) {
        emit(gated, request, response);
        return;
      }
      if (isClosing(connection)) return;
      process.nextTick(() => this.#pass(gated, request, response, connection));
    };
  }

  #pass(
    gated: Gated,
    request: IncomingMessage,
    response: ServerResponse,
    connection: Connection,
  ): void {
    if (isClosing(connection)) return;
    connection.idleSince = undefined;
    if (this.refuses) {
      this.#policy.refusing(response);
      response.writeHead(503, { 'Retry-After': '1', 'Content-Length': '0' }).end();
      return;
    }
    this.#policy.passing(response);
    emit(gated, request, response);
  }

  #onUpgrade(gated: Gated): Handler {
    return (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const isPassed = request.httpVersionMajor >= 2 || gated.isTaken;
      const connection = isPassed ? undefined : this.#tracker.of(request.socket);
      if (connection === undefined || !(this.refuses || connection.closing)) {
        emit(gated, request, socket, head);
        return;
      }
      connection.upgrade = undefined;
      if (isClosing(connection)) return;
      socket.end(REFUSED_UPGRADE);
      this.#policy.upgradeRefused(connection);
    };
  }
}

/** The gates that stand before a server. */
const inPlace = new WeakSet<Listener>();

function isUpgrade(event: GatedEvent): boolean {
  return (UPGRADE_EVENTS as readonly string[]).includes(event);
}

function emit({ event, app }: Gated, ...args: unknown[]): void {
  if (app.listenerCount(event) === 0) refuseExpectation(event, args[1]);
  else app.emit(event, ...args);
}

const REFUSED_UPGRADE =
  'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n';

/**
 * Whether the drain closes the connection, so that a request on it can not be answered any more. After an announced
 * close the client expects no answer (RFC 9112 9.6) and the response before must arrive unharmed; without one, a reset
 * tells it at once to retry elsewhere.
 */
function isClosing(connection: Connection): boolean {
  if (connection.closing === 'expired') connection.destroy();
  return connection.closing !== undefined;
}

/** What Node does when the app has no 'checkExpectation' listener. */
function refuseExpectation(event: GatedEvent, response: unknown): void {
  if (event !== 'checkExpectation') return;
  (response as ServerResponse).writeHead(417);
  (response as ServerResponse).end();
}

/** Carries events to the app, with the server's way of handling rejections of async listeners. */
function relayFor(server: HttpServer): EventEmitter {
  const relay = new EventEmitter({ captureRejections: capturesRejections(server) });
  relay.setMaxListeners(0);
  Reflect.set(
    relay,
    EventEmitter.captureRejectionSymbol,
    (error: Error, event: string, ...args: unknown[]) => {
      const handle = Reflect.get(server, EventEmitter.captureRejectionSymbol) as
        | Listener
        | undefined;
      if (handle !== undefined) handle.call(server, error, event, ...args);
      else server.emit('error', error);
    },
  );
  return relay;
}
