import { randomUUID } from 'node:crypto';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { connect as connectAmqp } from 'amqplib';
import { Queue } from 'bullmq';
import { describeServer } from '../../tools/servers/describe-server';
import { type Example, runExample } from './run-example';

let running: Example | undefined;

afterEach(async () => {
  running?.kill('SIGKILL');
  await running?.ended;
});

/** Runs an example that consumes from a queue of its own. */
function run(name: string, env: Record<string, string>): Example {
  running = runExample(name, env);
  // It never listens.
  running.origin.catch(() => {});
  return running;
}

const DRAINED = /intake +orders +ok .* 1 drained, 0 cut(.|\n)*ends by SIGTERM/;

describeServer('RabbitMQ', 'rabbitmq.ts', (url) => {
  it('packs the orders in hand at SIGTERM, and hands back the others', async () => {
    const connection = await connectAmqp(url);
    const channel = await connection.createChannel();
    const queue = `lastcall-${randomUUID()}`;
    await channel.assertQueue(queue);
    for (const order of ['1', '2', '3']) channel.sendToQueue(queue, Buffer.from(order));
    const example = run('rabbitmq', { AMQP_URL: url, QUEUE: queue });
    await example.saw('packing order 2');
    example.kill('SIGTERM');
    const { out, err } = await example.ended;
    expect(out).toMatch(/packed order 1\n(.|\n)*packed order 2\n/);
    expect(err).toMatch(/intake +orders +ok/);
    const packed = out.match(/packed/g)?.length ?? 0;
    expect((await channel.checkQueue(queue)).messageCount).toBe(3 - packed);
    await channel.deleteQueue(queue);
    await connection.close();
  });
});

describeServer('Redis', 'bullmq.ts', (url) => {
  const { hostname: host, port } = new URL(url);
  const name = `lastcall-${randomUUID()}`;
  let queue: Queue;

  beforeAll(() => {
    queue = new Queue(name, { connection: { host, port: Number(port) } });
  });

  afterAll(async () => {
    await queue.obliterate({ force: true });
    await queue.close();
  });

  it('packs the order in hand at SIGTERM', async () => {
    await queue.add('small', 500);
    const example = run('bullmq', { REDIS_URL: url, QUEUE: name });
    await example.saw('packing order small');
    example.kill('SIGTERM');
    const { out, err } = await example.ended;
    expect(out).toBe('packing order small\npacked order small\n');
    expect(err).toMatch(DRAINED);
  });

  it('leaves one that is too long to the next worker', async () => {
    const { id = '' } = await queue.add('large', 60_000);
    const times = { LASTCALL_WRAP_UP_TIME_MS: '0', LASTCALL_HAMMER_TIME_MS: '1' };
    const example = run('bullmq', { REDIS_URL: url, QUEUE: name, ...times });
    await example.saw('packing order large');
    example.kill('SIGTERM');
    const { out } = await example.ended;
    expect(out).toBe('packing order large\n');
    expect(await queue.getJobCounts('waiting', 'active')).toEqual({ waiting: 1, active: 0 });
    expect((await queue.getJob(id))?.attemptsMade).toBe(0);
  });
});

describeServer('NATS', 'nats.ts', (url) => {
  it('packs the order in hand at SIGTERM, and ends its loop', async () => {
    const connection = await connectNats({ servers: new URL(url).host });
    const manager = await jetstreamManager(connection);
    const stream = `lastcall-${randomUUID()}`;
    await manager.streams.add({ name: stream, subjects: [`${stream}.new`] });
    await manager.consumers.add(stream, {
      durable_name: 'packer',
      ack_policy: 'explicit',
    } as never);
    const orders = jetstream(connection);
    await orders.publish(`${stream}.new`, '1');
    const example = run('nats', { NATS_URL: url, QUEUE: stream });
    await example.saw('packing order 1');
    example.kill('SIGTERM');
    const { out, err } = await example.ended;
    expect(out).toBe('packing order 1\npacked order 1\nno more orders\n');
    expect(err).toMatch(DRAINED);
    expect(await manager.consumers.info(stream, 'packer')).toMatchObject({ num_ack_pending: 0 });
    await manager.streams.delete(stream);
    await connection.close();
  });
});
