// A consumer of RabbitMQ: at the stop it finishes and acknowledges what is in hand, and hands back the rest.
import { setTimeout as delay } from 'node:timers/promises';
import { attachAmqplib } from '@lastcall/queue/amqplib';
import { connect } from 'amqplib';

const queue = process.env.QUEUE ?? 'orders';

async function main(): Promise<void> {
  // A connection for consumers alone: it closes when they have ended.
  const connection = await connect(process.env.AMQP_URL ?? 'amqp://localhost');
  attachAmqplib(connection, { name: 'orders' });
  const channel = await connection.createChannel();
  await channel.assertQueue(queue);
  await channel.prefetch(2);
  await channel.consume(queue, async (message) => {
    if (message === null) return;
    console.log(`packing order ${message.content}`);
    await delay(300);
    channel.ack(message);
    console.log(`packed order ${message.content}`);
  });
  console.log('consuming');
}

main();
