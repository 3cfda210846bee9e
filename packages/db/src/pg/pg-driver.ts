import type { DrainDriver } from '../drain/drain-driver';
import type { DrainFeed } from '../drain/drain-feed';
import { SocketSet } from '../drain/socket-set';
import { sendCancelRequest } from '../postgres-wire/cancel-request';
import { cancelTarget } from './cancel-target';
import { ClientRecord } from './client-record';
import { gateConnect } from './gated-connect';
import { joinEnd } from './joined-end';
import { activeQuery, allClients, idleClients, isConnected } from './pg-internals';
import type { OpenPgPool, PgClient } from './pg-pool';

/** What a pool of pg does for its drain. A unit of work is a checkout; `pool.query()` is one too. */
export function connectPgPool(pool: OpenPgPool, feed: DrainFeed<PgClient>): DrainDriver<PgClient> {
  const records = new WeakMap<PgClient, ClientRecord>();
  const open = new Set<ClientRecord>();
  const sockets = new SocketSet();

  function recordOf(client: PgClient): ClientRecord {
    const known = records.get(client);
    if (known !== undefined) return known;
    const record = new ClientRecord(client, ({ client }, outcome) => feed.lost(client, outcome));
    records.set(client, record);
    open.add(record);
    client.on('end', () => open.delete(record));
    if (client.connection !== undefined) sockets.add(client.connection.stream);
    return record;
  }

  const onConnect = (client: PgClient): void => void recordOf(client);
  const onAcquire = (client: PgClient): void => {
    if (!records.has(client)) recordOf(client);
    feed.begin(client);
  };
  const onRelease = (_error: unknown, client: PgClient): void => feed.end(client);
  const onError = (error: Error): void => {
    // Without any listener pg's pool crashes the process; where the application has one, it knows.
    if (pool.listenerCount('error') === 1)
      feed.warn('an idle connection of a pg pool failed', error);
  };

  function adoptClients(): void {
    const idle = idleClients(pool);
    for (const client of allClients(pool).filter(isConnected)) {
      recordOf(client);
      if (!idle.has(client)) feed.begin(client);
    }
  }

  pool.on('connect', onConnect);
  pool.on('acquire', onAcquire);
  pool.on('release', onRelease);
  pool.on('error', onError);
  adoptClients();
  const undoGate = gateConnect(pool, feed);
  const ownEnd = joinEnd(pool, feed);

  return {
    name: 'pg',
    unit: 'checkout',
    look: (client) => recordOf(client).look(),

    cancel(clients, signal) {
      const running = clients.filter((client) => activeQuery(client) !== undefined);
      for (const client of clients) recordOf(client).watchCancel();
      return Promise.all(
        running.map((client) => sendCancelRequest(cancelTarget(pool, client), signal)),
      );
    },

    judge(client, end) {
      const record = recordOf(client);
      return end === 'released' ? record.judgeReleased() : record.judgeDestroyed();
    },

    destroy: destroyClient,
    // An application that has closed its pool itself is waited for by its sockets.
    close: () => (pool.ending ? Promise.resolve() : ownEnd.end()),
    socketsClosed: () => sockets.closed(),

    destroySockets(reason) {
      sockets.destroy();
      // Those that connect are nobody's yet.
      for (const client of allClients(pool))
        if (!records.has(client)) destroyClient(client, reason);
    },

    counts: () => {
      const { totalCount: total, idleCount: idle, options } = pool;
      return { total, idle, max: options.max };
    },

    restore() {
      undoGate();
      ownEnd.undo();
      pool.off('connect', onConnect);
      pool.off('acquire', onAcquire);
      pool.off('release', onRelease);
      pool.off('error', onError);
      for (const record of open) record.release();
    },
  };
}

/** A client of pg-native has no stream of its own; its own end is all there is. */
function destroyClient(client: PgClient, reason: Error): void {
  if (client.connection === undefined) void client.end();
  else client.connection.stream.destroy(reason);
}
