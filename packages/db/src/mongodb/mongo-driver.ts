import { captureAcquireSite } from '../drain/acquire-site';
import type { DrainDriver } from '../drain/drain-driver';
import type { DrainFeed } from '../drain/drain-feed';
import { joinClose } from '../drain/joined-close';
import { SocketSet } from '../drain/socket-set';
import { isEndless, streamEnds, watchEndlessCursors } from './endless-cursors';
import { gateConnect } from './gated-connect';
import { destroyInUse, destroyTopology, failWaiters, killSessions } from './kill-sessions';
import type {
  MongoCursor,
  MongoOperation,
  MongoServer,
  MongoSession,
  MongoTopology,
  OpenMongoClient,
} from './mongo-client';
import { isEnd, type RunningOperation, SessionWork } from './session-work';
import { WatchedServers } from './watch-operations';
import { withLabels } from './with-labels';

/** What the driver begins a session of its own with. */
interface SessionOptions {
  /** What it is for: a cursor, where it is one's. */
  readonly owner?: unknown;
}

/**
 * What a client of mongodb does for its drain. A unit of work is a session: everything that the driver does has one. A
 * transaction belongs to its session too, and not to a connection.
 */
export function connectMongo(
  client: OpenMongoClient,
  feed: DrainFeed<SessionWork>,
): DrainDriver<SessionWork> {
  const works = new WeakMap<MongoSession, SessionWork>();
  const ownStart = Object.getOwnPropertyDescriptor(client, 'startSession');
  const { startSession } = client;
  const siteOf = () => captureAcquireSite(gatedStart);
  let isClosing = false;
  /** The last one that was there: the client forgets it at its close. */
  let topology: MongoTopology | undefined = client.topology;

  function gatedStart(...args: unknown[]): MongoSession {
    // The driver ends its sessions with an operation that has a session.
    if (isClosing) return startSession.apply(client, args);
    endless.admit((args[0] as SessionOptions | undefined)?.owner);
    if (!connect.hasJustConnected()) feed.admit();
    const session = startSession.apply(client, args);
    feed.begin(follow(session, new SessionWork(session)), siteOf);
    return session;
  }

  function follow(session: MongoSession, work: SessionWork): SessionWork {
    works.set(session, work);
    session.once('ended', onEnded);
    return work;
  }

  function onEnded(session: MongoSession): void {
    const work = works.get(session);
    if (work === undefined) return;
    if (work.fate !== undefined) feed.lost(work, work.fate);
    feed.end(work);
  }

  const sockets = new SocketSet();
  const servers = new WatchedServers(
    {
      begin(operation, server) {
        // What the driver's close sends by itself; the application's own would come too late.
        if (isClosing && !isEnd(operation)) feed.admit();
        return operation.session && works.get(operation.session)?.begin(operation, server);
      },
      answered: (operation) => workOf(operation)?.answered(operation),
      failed: (operation, error) => workOf(operation)?.failed(operation, error),
    },
    sockets,
  );

  function workOf({ operation }: RunningOperation): SessionWork | undefined {
    return operation.session && works.get(operation.session);
  }

  /** Servers are there before their pools say that they are. */
  function onPoolCreated(): void {
    topology = client.topology ?? topology;
    servers.watch(topology);
    endless.watch(topology);
  }

  function endCursor(cursor: MongoCursor): void {
    const close = () => setImmediate(() => cursor.close().catch(ignore));
    works.get(cursor.cursorSession as MongoSession)?.interrupt(streamEnds(), close);
  }

  const connect = gateConnect(client, feed);
  const endless = watchEndlessCursors(client);
  const ownClose = joinClose(client, 'close', feed);
  client.startSession = gatedStart;
  client.on('connectionPoolCreated', onPoolCreated);
  servers.watch(topology);
  for (const session of client.s.activeSessions)
    feed.adopt(follow(session, new SessionWork(session, true)));

  return {
    name: 'mongodb',
    unit: 'session',

    beginDrain() {
      endless.beginDrain();
      for (const cursor of client.s.activeCursors) if (isEndless(cursor)) endCursor(cursor);
    },

    look(work) {
      const { state, command } = work;
      const connection = work.running[0]?.connection?.description?.serverConnectionId;
      return {
        state,
        ...(command === undefined ? {} : { command }),
        ...(connection == null ? {} : { connection: Number(connection) }),
      };
    },

    cancel(cancelled, signal, thrown) {
      const reason = withLabels(thrown);
      const running = new Map<MongoServer, unknown[]>();
      for (const work of cancelled) {
        work.watchCancel(reason);
        const kill = (server: MongoServer): void =>
          void running.set(server, [...(running.get(server) ?? []), work.session.id]);
        if (work.isUnknown) topology?.s.servers.forEach(kill);
        for (const { operation, connection, server } of work.running) {
          if (connection === undefined) failWhenConnected(operation, reason);
          else kill(server);
        }
      }
      if (topology !== undefined) failWaiters(topology, reason);
      const kills = [...running].map(([server, ids]) => killSessions(client, server, ids, signal));
      return Promise.all(kills);
    },

    judge: (work, end) => (end === 'released' ? 'finished' : work.judgeDestroyed()),

    // Everything is destroyed that is left, in one turn, so that no connection needs to be found.
    destroy(work, thrown) {
      work.reason = withLabels(thrown);
      if (topology !== undefined) {
        failWaiters(topology, work.reason);
        destroyInUse(topology, work.reason);
      }
    },

    // It aborts the transactions of sessions that are still open.
    async close() {
      isClosing = true;
      topology = client.topology ?? topology;
      // Never connected, it stays so: the gate at its connect refuses.
      if (topology === undefined) return;
      try {
        await ownClose.close();
      } finally {
        // Closed as it is: without it operations would fail before the gate, for a reason that says nothing.
        client.topology = topology;
        isClosing = false;
      }
    },

    socketsClosed: () => sockets.closed(),

    destroySockets(reason) {
      topology = client.topology ?? topology;
      if (topology !== undefined) destroyTopology(topology, withLabels(reason));
      sockets.destroy();
      // The driver's own close may not have ended: what is asked for from now on is refused by the gate all the same.
      client.topology ??= topology;
      isClosing = false;
    },

    counts() {
      const pools = [...(topology?.s.servers.values() ?? [])].map(({ pool }) => pool);
      const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
      return {
        total: sum(pools.map(({ totalConnectionCount }) => totalConnectionCount)),
        idle: sum(pools.map(({ availableConnectionCount }) => availableConnectionCount)),
        waiting: sum(pools.map(({ waitQueueSize }) => waitQueueSize)),
        max: client.options.maxPoolSize || undefined,
      };
    },

    restore() {
      client.off('connectionPoolCreated', onPoolCreated);
      servers.undo();
      endless.undo();
      connect.undo();
      ownClose.undo();
      if (client.startSession !== gatedStart) return;
      Reflect.deleteProperty(client, 'startSession');
      if (ownStart !== undefined) Object.defineProperty(client, 'startSession', ownStart);
    },
  };
}

/** The connection comes when nobody waits for it any more: it is not to be used. */
function failWhenConnected(operation: MongoOperation, reason: Error): void {
  operation.buildCommand = () => {
    throw reason;
  };
}

function ignore(): void {}
