import type { ConnectionKeeper } from '../drain/connection-keeper';
import type { DrainFeed } from '../drain/drain-feed';
import { SocketSet } from '../drain/socket-set';
import { sendCancelRequest } from '../postgres-wire/cancel-request';
import { cancelTarget } from './cancel-target';
import { ClientRecord, hearErrors } from './client-record';
import { activeQuery, isBusy } from './pg-internals';
import type { PgClient, PgOptions } from './pg-pool';

/**
 * Looks after clients of pg.
 * @param options - What the clients were made with: a `stream` of the application's own leads to the server.
 */
export function keepPgClients(
  options: PgOptions,
  feed: Pick<DrainFeed<PgClient>, 'lost' | 'carry'>,
): ConnectionKeeper<PgClient> {
  /** Where each client has its record: it is looked for at each checkout. */
  const key = Symbol('lastcall');
  const open = new Set<ClientRecord>();
  const sockets = new SocketSet();

  function recordOf(client: PgClient): ClientRecord {
    const known = (client as Kept)[key];
    if (known !== undefined) return known;
    const record = new ClientRecord(client, ({ client }, outcome) => feed.lost(client, outcome));
    Object.defineProperty(client, key, { value: record });
    feed.carry(client);
    open.add(record);
    client.on('end', () => open.delete(record));
    return record;
  }

  function keep(client: PgClient): void {
    recordOf(client);
    if (client.connection !== undefined) sockets.add(client.connection.stream);
  }

  return {
    keep,
    isKept: (client) => (client as Kept)[key] !== undefined,
    look: (client) => recordOf(client).look(),

    cancel(clients, signal) {
      const running = clients.filter((client) => activeQuery(client) !== undefined);
      for (const client of clients) recordOf(client).watchCancel();
      return Promise.all(
        running.map((client) => sendCancelRequest(cancelTarget(options, client), signal)),
      );
    },

    judge(client, end) {
      const record = recordOf(client);
      return end === 'released' ? record.judgeReleased() : record.judgeDestroyed();
    },

    isBusy,

    whenIdle(client, then) {
      const settle = (): void => {
        client.off('drain', settle);
        client.off('end', settle);
        then();
      };
      client.on('drain', settle);
      client.on('end', settle);
    },

    destroy: destroyClient,
    socketsClosed: () => sockets.closed(),
    destroySockets: () => sockets.destroy(),

    restore() {
      for (const record of open) record.release();
    },
  };
}

interface Kept extends PgClient {
  readonly [key: symbol]: ClientRecord | undefined;
}

/** A client of pg-native has no stream of its own; its own end is all there is. */
export function destroyClient(client: PgClient, reason: Error): void {
  hearErrors(client);
  if (client.connection === undefined) void client.end();
  else client.connection.stream.destroy(reason);
}
