// A consumer of NATS: requests are answered and JetStream messages acknowledged before the connection closes.
import { setTimeout as delay } from 'node:timers/promises';
import { attachNats } from '@lastcall/queue/nats';
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const stream = process.env.QUEUE ?? 'orders';

async function main(): Promise<void> {
  const { host } = new URL(process.env.NATS_URL ?? 'nats://localhost:4222');
  const connection = await connect({ servers: host });
  const nats = attachNats(connection, { name: 'orders' });
  // Core NATS: subscriptions are known by themselves.
  connection.subscribe(`${stream}.price`, {
    callback: (_error, message) => void message.respond('42'),
  });
  // JetStream: each consumer is to be tracked.
  const consumer = nats.track(await jetstream(connection).consumers.get(stream, 'packer'));
  for await (const message of await consumer.consume({ max_messages: 2 })) {
    console.log(`packing order ${message.string()}`);
    await delay(300);
    message.ack();
    console.log(`packed order ${message.string()}`);
  }
  console.log('no more orders');
}

main();
