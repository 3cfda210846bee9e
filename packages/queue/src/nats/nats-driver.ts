import type { Ledger } from '../drain/ledger';
import type { QueueDriver } from '../drain/queue-driver';
import { CoreGate } from './core-gate';
import { joinEnds } from './joined-ends';
import { JsGate } from './js-gate';
import type { NatsEntry } from './nats-entry';
import { NatsHands } from './nats-hands';
import type { OpenConnection, OpenConsumer } from './nats-types';
import { OwnRequests } from './own-requests';
import { watchConnection } from './watch-connection';

const CLOSE_MS = 1000;

/** What a connection of NATS does for its drain. */
export interface NatsDriver extends QueueDriver<NatsEntry> {
  /** Stands in front of a JetStream consumer of the connection. */
  track(consumer: OpenConsumer): void;
}

export function connectNats(
  connection: OpenConnection,
  ledger: Ledger<NatsEntry>,
  closesConnection: boolean,
): NatsDriver {
  const hands = new NatsHands(ledger);
  const core = new CoreGate(connection, hands);
  // On a connection that stays open they go on.
  const requests = closesConnection ? new OwnRequests(connection, ledger) : undefined;
  const ends = joinEnds(connection, () => ledger.closes());
  const consumers = new Map<OpenConsumer, JsGate>();
  let isConfirmed = false;

  return {
    name: 'nats',
    unit: 'message',
    closeMs: CLOSE_MS,
    async stopFetching() {
      if (connection.isClosed()) return;
      watchConnection(connection, hands).catch(() => {});
      await Promise.all([core.stop(), ...[...consumers.values()].map((each) => each.stop())]);
    },
    async handBack(entry) {
      if (entry.giveBack === undefined) return entry.abandoned;
      await hands.sendBack(entry);
      await connection.flush();
      return 'handed back';
    },
    abandoned: (entry) => entry.abandoned,
    async missed() {
      if (!closesConnection || connection.isClosed()) return [];
      return core.missed(new Set([...consumers.values()].flatMap(({ inboxes }) => inboxes)));
    },
    async confirm() {
      if (connection.isClosed()) return;
      await requests?.end();
      await connection.flush();
      isConfirmed = true;
    },
    isConfirmed: (entry) => {
      const { giveBack, isRequest } = entry;
      if (entry.isConfirmed || (giveBack === undefined && !isRequest)) return true;
      return isConfirmed && entry.toldOn === hands.connection;
    },
    async close() {
      for (const each of consumers.values()) each.end();
      requests?.giveUp();
      if (closesConnection && !connection.isClosed()) await ends.close();
    },
    // NATS destroys its socket by itself, whatever the server does.
    destroy: () => ends.release(),
    restore() {
      core.restore();
      requests?.restore();
      ends.restore();
      for (const each of consumers.values()) each.restore();
    },
    track(consumer) {
      if (consumers.has(consumer)) return;
      consumers.set(consumer, new JsGate(consumer, hands, connection));
    },
  };
}
