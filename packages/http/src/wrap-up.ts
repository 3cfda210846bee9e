import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { CloseDecision } from './close-announcement';
import { announceClose } from './close-announcement';
import type { Connection } from './connection';
import type { ConnectionTracker } from './connection-tracker';
import type { HttpDrainSettings } from './http-drain-options';
import type { HttpServer } from './http-server';
import { guardIdleConnections } from './idle-close-guard';
import { InFlightRequests } from './in-flight-requests';
import { takeOverKeepAliveExpiry } from './keep-alive-expiry';
import { keepOpenAfter, latestRequest } from './node-internals';
import { RequestGate } from './request-gate';
import { SoftClose } from './soft-close';
import type { UpgradeRecorder } from './upgrade-recorder';

/** Who decides about idle connections; before the stop nobody, Node's keep-alive timeout does. */
export interface IdlePolicy {
  /** `connection` waits for a request from now on. */
  idle(connection: Connection): void;
}

/**
 * The first half of the drain: HTTP/1 responses carry `Connection: close`, and such a connection is closed after its
 * response. Everything is still accepted and served.
 */
export class WrapUp {
  readonly inFlight: InFlightRequests;
  readonly gate: RequestGate;
  readonly softClose: SoftClose;
  readonly #tracker: ConnectionTracker;
  readonly #undo: (() => void)[];
  /** Set during a stop. */
  idlePolicy: IdlePolicy | undefined;
  /** Whether responses carry `Connection: close`. */
  announces = true;
  /** Whether a client has been told to close its connection: it will make another one. */
  hasAnnounced = false;

  constructor(
    server: HttpServer,
    settings: HttpDrainSettings,
    tracker: ConnectionTracker,
    recorder: UpgradeRecorder,
  ) {
    this.#tracker = tracker;
    tracker.trackAll();
    this.softClose = new SoftClose(server, settings.lingerMs > 0, {
      active: (connection) => this.follow(connection),
      stirred: (connection) => this.idlePolicy?.idle(connection),
      gone: (connection) => tracker.drop(connection),
    });
    this.inFlight = new InFlightRequests(tracker, {
      watching: (response) => announceClose(response, this.#decision),
      idle: (connection) => this.#onIdle(connection),
    });
    this.gate = new RequestGate(server, tracker, recorder, {
      passing: (response) => this.inFlight.watch(response),
      refusing: (response) => this.inFlight.watch(response, true),
      upgradeRefused: (connection) => this.#onUpgradeRefused(connection),
    });
    server.on('dropRequest', this.#onDropRequest);
    this.#undo = [
      () => server.off('dropRequest', this.#onDropRequest),
      takeOverKeepAliveExpiry(server, tracker, this.softClose),
      guardIdleConnections(server),
    ];
    for (const connection of tracker) this.inFlight.watchCurrent(connection);
  }

  /** Makes sure that `connection`, which is active, is heard of when it becomes idle. */
  follow(connection: Connection): void {
    const { transport } = connection;
    if (transport === undefined || this.inFlight.watchCurrent(connection)) return;
    // Answered already, while its body is still arriving. (With headers half read there is no request yet: the gate sees it.)
    const request = latestRequest(transport);
    request?.once('close', () => this.#onIdle(connection));
  }

  /** Gives the server back as it was. */
  undo(): void {
    this.gate.remove();
    this.softClose.stop();
    this.inFlight.clear();
    for (const undo of this.#undo) undo();
  }

  readonly #decision: CloseDecision = {
    isLast: (response) => {
      if (!this.announces) return false;
      const latest = response.req.socket && latestRequest(response.req.socket);
      return latest === undefined || latest === response.req;
    },
    announced: (response) => {
      const connection = this.#tracker.of(response.req.socket);
      if (connection === undefined || !keepOpenAfter(response)) return;
      connection.closing = 'announced';
      this.hasAnnounced = true;
      this.inFlight.markLast(response);
    },
  };

  #onIdle(connection: Connection): void {
    if (connection.closing === 'announced') this.softClose.finish(connection, 'announced');
    else this.idlePolicy?.idle(connection);
  }

  #onUpgradeRefused(connection: Connection): void {
    connection.closing = 'announced';
    connection.transport?.resume();
    this.softClose.linger(connection);
  }

  /** Node answers a request over `maxRequestsPerSocket` itself. */
  readonly #onDropRequest = (_request: IncomingMessage, socket: Socket): void => {
    const connection = this.#tracker.of(socket);
    if (connection !== undefined) this.inFlight.watchCurrent(connection);
  };
}
