import type { Remover } from '@lastcall/proc';
import type { Connection } from './connection';
import { stateOf } from './connection-state';
import type { ConnectionObserver, ConnectionTracker } from './connection-tracker';
import type { CutRequest } from './cut-request';
import { ExpiryQueue } from './expiry-queue';
import type { HttpDrainSettings } from './http-drain-options';
import type { HttpServer } from './http-server';
import { Http2Sessions } from './http2-sessions';
import { listInFlight } from './list-in-flight';
import { acceptQueue, closeListener } from './listener-close';
import { socketsMidMessage } from './node-internals';
import type { UpgradeRecorder } from './upgrade-recorder';
import { UpgradedConnections } from './upgraded-connections';
import type { WrapUp } from './wrap-up';

/** A connection that has never sent anything is no longer expected to after this time (Go's rule for StateNew). */
const SILENT_MS = 5000;

/** A request may be on its way on a connection that is new: it gets so long to arrive whatever `lingerMs` says. */
const SILENT_GRACE_MS = 500;

/** What the stop of a server came to. */
export interface DrainResult {
  /** Requests, streams and upgraded connections that finished during the stop. */
  readonly drained: number;
  /** Those that the hammer cut. */
  readonly cut: readonly CutRequest[];
  /** What `onUpgradeDrain` threw or rejected with. */
  readonly errors: readonly unknown[];
}

/** What a stop works on. */
export interface StopParts {
  readonly server: HttpServer;
  readonly settings: HttpDrainSettings;
  readonly tracker: ConnectionTracker;
  readonly recorder: UpgradeRecorder;
  readonly wrapUp: WrapUp;
}

interface Idle {
  readonly connection: Connection;
  readonly since: number;
}

interface Silent {
  readonly connection: Connection;
  /** At a TLS handshake that goes on there are more of them next time. */
  readonly bytesReceived: number;
}

/** The second half of the drain: nothing new comes in, and every connection ends, by itself or by the hammer. */
export class Stop implements ConnectionObserver {
  readonly result: Promise<DrainResult>;
  readonly #parts: StopParts;
  readonly #startedAt: number = performance.now();
  readonly #sessions: Http2Sessions;
  readonly #upgraded: UpgradedConnections;
  readonly #idle = new ExpiryQueue<Idle>((due) => this.#onIdleDue(due));
  readonly #silent = new ExpiryQueue<Silent>((due) => this.#onSilentDue(due));
  #finishedUpgrades = 0;
  #isListenerClosed = false;
  #giveUpQueue: Remover = () => {};
  #settle: ((result: DrainResult) => void) | undefined;

  constructor(parts: StopParts) {
    this.#parts = parts;
    this.#sessions = new Http2Sessions(parts.wrapUp.softClose);
    this.#upgraded = new UpgradedConnections(parts.settings.onUpgradeDrain);
    this.result = new Promise((settle) => {
      this.#settle = settle;
    });
  }

  get isSettled(): boolean {
    return this.#settle === undefined;
  }

  begin(): void {
    const { server, settings, tracker, recorder, wrapUp } = this.#parts;
    wrapUp.inFlight.startCounting();
    wrapUp.gate.refuses = settings.rejectWith503;
    wrapUp.idlePolicy = this;
    tracker.observer = this;
    recorder.onUpgrade = (connection) => process.nextTick(() => this.#upgraded.tell(connection));
    server.on('listening', this.#onListening);
    for (const connection of tracker) this.#watchSession(connection);
    this.#giveUpQueue = acceptQueue(server, tracker, wrapUp.hasAnnounced, {
      crowded: () => {
        wrapUp.announces = false;
      },
      closed: () => this.#onListenerClosed(),
    });
  }

  /** Cuts what is in flight and settles. */
  hammer(): void {
    if (this.isSettled) return;
    const { server, tracker, wrapUp } = this.#parts;
    this.#giveUpQueue();
    closeListener(server);
    const midMessage = socketsMidMessage(server);
    const { inFlight: requests } = wrapUp;
    const sources = { tracker, requests, sessions: this.#sessions, midMessage };
    const cut = listInFlight({ ...sources, since: this.#startedAt });
    for (const { session } of tracker) session?.destroy();
    for (const connection of tracker) connection.destroy();
    this.#end(cut);
  }

  /** Lets go of the server; only once settled. */
  detach(): void {
    const { server, tracker, recorder, wrapUp } = this.#parts;
    server.off('listening', this.#onListening);
    tracker.observer = undefined;
    recorder.onUpgrade = undefined;
    wrapUp.idlePolicy = undefined;
  }

  opened(connection: Connection): void {
    // Until the listener closes more may come; then all of them are seen to.
    if (this.#isListenerClosed) this.#addSilent(connection);
  }

  sessionBegun(connection: Connection): void {
    this.#watchSession(connection);
  }

  closed(connection: Connection): void {
    if (connection.upgrade !== undefined && !this.isSettled) this.#finishedUpgrades++;
    this.#endIfEmpty();
  }

  idle(connection: Connection): void {
    const since = performance.now();
    connection.idleSince = since;
    const { lingerMs } = this.#parts.settings;
    if (lingerMs === 0) this.#parts.wrapUp.softClose.closeIfQuiet(connection);
    else this.#idle.add({ connection, since }, since + lingerMs);
  }

  /** A stopped server stays stopped: `listen()` may have been waiting for a name to be resolved. */
  readonly #onListening = (): void => closeListener(this.#parts.server);

  #onListenerClosed(): void {
    this.#isListenerClosed = true;
    this.#parts.wrapUp.announces = true;
    const midMessage = socketsMidMessage(this.#parts.server);
    for (const connection of this.#parts.tracker) {
      this.#release(connection, stateOf(connection, midMessage));
    }
    this.#endIfEmpty();
  }

  /** Starts what ends `connection`. */
  #release(connection: Connection, state: ReturnType<typeof stateOf>): void {
    if (connection.closing !== undefined) return;
    if (state === 'hijacked') this.#upgraded.tell(connection);
    else if (state === 'new') this.#addSilent(connection);
    else if (connection.session !== undefined) this.#sessions.close(connection);
    else if (state === 'idle') this.idle(connection);
    else this.#parts.wrapUp.follow(connection);
  }

  #watchSession(connection: Connection): void {
    const { session } = connection;
    if (session === undefined) return;
    this.#sessions.watch(connection, session);
    // A session that comes late gets its first requests answered: those that arrive together.
    session.once('stream', () => setImmediate(() => this.#closeSession(connection)));
  }

  #closeSession(connection: Connection): void {
    if (this.#isListenerClosed) this.#sessions.close(connection);
  }

  /** @param since - What its time counts from, if not from its accept: one that came late has sent nothing for a good reason. */
  #addSilent(connection: Connection, since: number = this.#startedAt): void {
    const { lingerMs } = this.#parts.settings;
    const { acceptedAt, bytesReceived } = connection;
    const graceMs = Math.max(lingerMs, SILENT_GRACE_MS);
    const dueAt = Math.min(acceptedAt + SILENT_MS, Math.max(acceptedAt, since) + graceMs);
    this.#silent.add({ connection, bytesReceived }, dueAt);
  }

  #onSilentDue(due: Silent[]): void {
    const now = performance.now();
    const midMessage = socketsMidMessage(this.#parts.server);
    for (const { connection, bytesReceived } of due) {
      if (stateOf(connection, midMessage) !== 'new' || connection.socket.destroyed) continue;
      const hasStirred = connection.bytesReceived !== bytesReceived;
      if (hasStirred && now < connection.acceptedAt + SILENT_MS) this.#addSilent(connection, now);
      else if (connection.session !== undefined) this.#sessions.close(connection);
      else this.#parts.wrapUp.softClose.closeIfQuiet(connection);
    }
  }

  #onIdleDue(due: Idle[]): void {
    const { softClose } = this.#parts.wrapUp;
    for (const { connection, since } of due) {
      if (connection.idleSince === since) softClose.closeIfQuiet(connection);
    }
  }

  #endIfEmpty(): void {
    if (this.isSettled) return;
    if (this.#isListenerClosed && this.#parts.tracker.size === 0) this.#end([]);
  }

  #end(cut: CutRequest[]): void {
    const { inFlight } = this.#parts.wrapUp;
    const drained = inFlight.finished + this.#sessions.finished + this.#finishedUpgrades;
    this.#idle.clear();
    this.#silent.clear();
    this.#parts.wrapUp.softClose.stop();
    this.#settle?.({ drained, cut, errors: this.#upgraded.errors });
    this.#settle = undefined;
  }
}
