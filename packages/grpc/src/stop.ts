import type { ServerHttp2Stream } from 'node:http2';
import type { Server as NetServer } from 'node:net';
import type { Connection } from './connection';
import { ConnectionSweep, type SweepHooks } from './connection-sweep';
import { type CutCall, describeCall } from './cut-call';
import { closeWhenAnswered, endCall, hasStatus } from './end-call';
import type { GrpcDrainSettings } from './grpc-drain-options';
import { endKeepalive } from './grpc-internals';
import type { GrpcServer } from './grpc-server';
import { joinForceShutdown } from './join-force-shutdown';
import { closeListener, whenQueueAccepted } from './listener-close';
import { unwrittenBytes } from './node-internals';
import type { ServerObserver, ServerTracker } from './server-tracker';
import { StreamGrace } from './stream-grace';

/** What the stop of a server came to. */
export interface DrainResult {
  /** Calls whose status was sent during the stop. */
  readonly drained: number;
  /** Streaming calls that the server ended with UNAVAILABLE. */
  readonly ended: number;
  /** Calls that the hammer cut, and those whose client did not take what they had sent. */
  readonly cut: readonly CutCall[];
  /** What `tryShutdown()` and functions of the application threw. */
  readonly errors: readonly unknown[];
}

/** What a stop works on. */
export interface StopParts {
  readonly server: GrpcServer;
  readonly settings: GrpcDrainSettings;
  readonly tracker: ServerTracker;
  /** Milliseconds until the hammer; Infinity if that is not known. */
  readonly untilHammerMs: number;
}

/**
 * `accepting`: connections that wait in the kernel are taken; `delaying`: nothing listens, busy connections have not been
 * sent GOAWAY; `going-away`: all have; `cutting`: the hammer has fallen; `settled`.
 */
type Phase = 'accepting' | 'delaying' | 'going-away' | 'cutting' | 'settled';

/** RFC 9113 7. */
const CANCEL = 8;

/** A connection that was accepted less than this before the stop may have its first call on its way. */
const NEW_MS = 500;

/** Node sends a status in a few turns of the event loop. A client that does not take it is not waited for. */
const TURNS_TO_SEND = 10;

/** A call that its handler has answered. */
interface AnsweredCall {
  readonly stream: ServerHttp2Stream;
  readonly connection: Connection;
  readonly call: CutCall;
}

/** The stop of a server: nothing new comes in, and every call and connection ends, by itself or by the hammer. */
export class Stop implements ServerObserver, SweepHooks {
  readonly result: Promise<DrainResult>;
  readonly #parts: StopParts;
  readonly #grace: StreamGrace;
  readonly #sweep: ConnectionSweep;
  readonly #cut: CutCall[] = [];
  readonly #givenUp = new WeakSet<ServerHttp2Stream>();
  /** What the hammer finds answered, and not sent yet. */
  readonly #answered: AnsweredCall[] = [];
  readonly #errors: unknown[] = [];
  readonly #counts = { drained: 0, ended: 0 };
  readonly #settle: (result: DrainResult) => void;
  #phase: Phase = 'accepting';
  #goawayTimer: NodeJS.Timeout | undefined;
  #undoJoin: (() => void) | undefined;

  constructor(parts: StopParts) {
    this.#parts = parts;
    this.#grace = new StreamGrace(parts.settings.streamGraceMs, parts.untilHammerMs);
    this.#sweep = new ConnectionSweep(parts.tracker, this);
    let settle: (result: DrainResult) => void = () => {};
    this.result = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settle = settle;
  }

  get isSettled(): boolean {
    return this.#phase === 'settled';
  }

  get isClosed(): boolean {
    return this.#phase === 'delaying' || this.#phase === 'going-away';
  }

  begin(): void {
    const { server, tracker } = this.#parts;
    tracker.observer = this;
    endKeepalive(server);
    this.#undoJoin = joinForceShutdown(server, () => this.hammer());
    for (const connection of tracker) {
      for (const stream of connection.streams) this.#follow(stream, connection);
    }
    this.#sweep.start();
    whenQueueAccepted(tracker, () => this.#closeListeners());
  }

  /** Cuts what is in flight and settles. */
  hammer(): void {
    if (this.#phase === 'cutting' || this.#phase === 'settled') return;
    this.#phase = 'cutting';
    const { tracker } = this.#parts;
    for (const listener of tracker.listeners) closeListener(listener);
    for (const connection of tracker) {
      for (const stream of [...connection.streams]) {
        if (stream.writableEnded)
          this.#answered.push({ stream, connection, call: describeCall(stream, connection) });
        else this.#cutCall(stream, connection);
      }
      connection.goAway();
    }
    this.#destroyWhenSent(TURNS_TO_SEND);
  }

  listening(listener: NetServer): void {
    if (this.#phase !== 'accepting') closeListener(listener);
  }

  opened(connection: Connection): void {
    // Not before Node has made a session of it: one on a socket that is destroyed already would never end.
    if (this.#phase === 'settled') setImmediate(() => connection.destroy());
  }

  sessionBegun(connection: Connection): void {
    if (this.#phase === 'going-away') goAwayAfterFirstCall(connection);
  }

  callBegun(stream: ServerHttp2Stream, connection: Connection): void {
    // It was on its way when the hammer fell.
    if (this.#phase === 'cutting') this.#cutCall(stream, connection);
    else this.#follow(stream, connection);
  }

  closed(_connection: Connection): void {
    this.#settleIfEmpty();
  }

  stuck(stream: ServerHttp2Stream, connection: Connection): void {
    this.#cut.push(describeCall(stream, connection));
    this.#givenUp.add(stream);
    this.#grace.forget(stream);
    stream.removeAllListeners('wantTrailers');
    stream.close(CANCEL);
  }

  #closeListeners(): void {
    if (this.#phase !== 'accepting') return;
    const { tracker, settings } = this.#parts;
    this.#phase = 'delaying';
    for (const listener of tracker.listeners) closeListener(listener);
    if (settings.goawayDelayMs === 0) {
      this.#goAway();
      return;
    }
    for (const connection of tracker) {
      if (connection.callCount === 0 && !isNew(connection)) connection.goAway();
    }
    this.#goawayTimer = setTimeout(() => this.#goAway(), settings.goawayDelayMs);
    if (tracker.size === 0) this.#goAway();
  }

  #goAway(): void {
    if (this.#phase !== 'delaying') return;
    clearTimeout(this.#goawayTimer);
    this.#phase = 'going-away';
    for (const connection of this.#parts.tracker) {
      if (isNew(connection)) goAwayAfterFirstCall(connection);
      else connection.goAway();
    }
    this.#settleIfEmpty();
  }

  /** A status is kinder than a reset: policies to retry know what it means. */
  #cutCall(stream: ServerHttp2Stream, connection: Connection): void {
    this.#cut.push(describeCall(stream, connection));
    this.#grace.forget(stream);
    endCall(stream);
  }

  #follow(stream: ServerHttp2Stream, connection: Connection): void {
    closeWhenAnswered(stream);
    this.#grace.watch(stream, connection.recordOf(stream));
    stream.once('close', () => this.#onCallClosed(stream, connection));
  }

  #onCallClosed(stream: ServerHttp2Stream, connection: Connection): void {
    this.#grace.forget(stream);
    if (this.#phase === 'cutting' || this.#phase === 'settled') return;
    this.#count(stream);
    if (this.#phase === 'delaying' && connection.callCount === 0) connection.goAway();
  }

  #count(stream: ServerHttp2Stream): void {
    if (this.#givenUp.has(stream)) return;
    if (this.#grace.hasEnded(stream)) this.#counts.ended += 1;
    else if (hasStatus(stream)) this.#counts.drained += 1;
  }

  #destroyWhenSent(turnsLeft: number): void {
    const { tracker } = this.#parts;
    const isSent = [...tracker].every(({ callCount }) => callCount === 0);
    if (!isSent && turnsLeft > 0) {
      setImmediate(() => this.#destroyWhenSent(turnsLeft - 1));
      return;
    }
    for (const answered of this.#answered) {
      if (isSentOut(answered)) this.#count(answered.stream);
      else this.#cut.push(answered.call);
    }
    for (const connection of tracker) connection.destroy();
    this.#end((server) => server.forceShutdown());
  }

  #settleIfEmpty(): void {
    if (this.#parts.tracker.size > 0) return;
    if (this.#phase === 'delaying') this.#goAway();
    // Its callback may never come (frozen clients) or too early (injectors on Node 24), so nobody waits for it.
    else if (this.#phase === 'going-away') this.#end((server) => server.tryShutdown(() => {}));
  }

  /** @param shutDown - What grpc-js has for its own state: that it serves no more, binds under way, channelz. */
  #end(shutDown: (server: GrpcServer) => void): void {
    this.#phase = 'settled';
    this.#undoJoin?.();
    try {
      shutDown(this.#parts.server);
    } catch (error) {
      this.#errors.push(error);
    }
    clearTimeout(this.#goawayTimer);
    this.#sweep.stop();
    this.#grace.clear();
    const errors = [...this.#errors, ...this.#grace.errors];
    this.#settle({ ...this.#counts, cut: this.#cut, errors });
  }
}

/** Whether all of the answer is with the kernel. */
function isSentOut({ stream, connection }: AnsweredCall): boolean {
  const { transport } = connection;
  const isWritten = transport === undefined || unwrittenBytes(transport) === 0;
  return stream.closed && hasStatus(stream) && isWritten;
}

function isNew({ acceptedAt, isUnused }: Connection): boolean {
  return isUnused && performance.now() - acceptedAt < NEW_MS;
}

/** Its first calls are on their way: those that arrive together are answered. The sweep sees to it if none comes. */
function goAwayAfterFirstCall(connection: Connection): void {
  connection.session?.once('stream', () => setImmediate(() => connection.goAway()));
}
