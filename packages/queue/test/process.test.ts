import { join } from 'node:path';
import { type Program, runProgram as run } from '../../../tools/run-program';
import { describeRabbitmq } from './amqplib/test-rabbitmq';
import { describeBullmq } from './bullmq/test-bullmq';
import type { TcpProxy } from './harness/tcp-proxy';
import { FakeKafka } from './kafkajs/fake-kafka';
import { describeNats } from './nats/test-nats';

const PREAMBLE = `
  const { setTimeout: delay } = require('node:timers/promises');
  const say = (text) => process.stdout.write(text + '\\n');
  const { URL_OF_BROKER: url, QUEUE: queue, HOW: how } = process.env;
  for (const event of ['uncaughtException', 'unhandledRejection'])
    process.on(event, (error) => say(event + ': ' + error.message));
  // What a handler does with a message, once it has said so.
  const handle = async (text) => {
    say('begin ' + text);
    if (how === 'hang') await new Promise(() => {});
    await delay(200);
    if (how === 'throw') throw new Error('cannot be packed');
    say('done ' + text);
  };
  // Without a lifecycle, and without process.exit(): the process has to end because nothing is left in it.
  const stopOnSigterm = (drain) => process.once('SIGTERM', async () => {
    const { cut } = await drain.stop({ signal: AbortSignal.timeout(300) });
    say('stopped, cut: ' + cut.map(({ outcome }) => outcome).join());
  });
`;

const AMQPLIB = `
  const { connect } = require('amqplib');
  const { attachAmqplib, createAmqplibDrain } = require('@lastcall/queue/amqplib');
  const consume = async (attach) => {
    const connection = await connect(url);
    attach(connection);
    const channel = await connection.createChannel();
    await channel.prefetch(1);
    await channel.consume(queue, async (message) => {
      await handle(message.content);
      channel.ack(message);
    });
  };`;

const BULLMQ = `
  const { Worker } = require('bullmq');
  const { attachBullmq, createBullmqDrain } = require('@lastcall/queue/bullmq');
  const consume = (attach) => {
    const { hostname: host, port } = new URL(url);
    attach(new Worker(queue, (job) => handle(job.data), { connection: { host, port: Number(port) } }));
  };`;

const NATS = `
  const { connect } = require('@nats-io/transport-node');
  const { jetstream } = require('@nats-io/jetstream');
  const { attachNats, createNatsDrain } = require('@lastcall/queue/nats');
  const consume = async (attach) => {
    const connection = await connect({ servers: new URL(url).host });
    const nats = attach(connection);
    const consumer = nats.track(await jetstream(connection).consumers.get(queue, 'worker'));
    await consumer.consume({
      callback: async (message) => {
        await handle(message.string());
        message.ack();
      },
    });
  };`;

const KAFKAJS = `
  const { Kafka } = require('kafkajs');
  const { attachKafkajs, createKafkajsDrain } = require('@lastcall/queue/kafkajs');
  const consume = async (attach) => {
    const consumer = new Kafka({ brokers: [url], logLevel: 0 })
      .consumer({ groupId: 'packer', maxWaitTimeInMs: 100 });
    attach(consumer);
    await consumer.connect();
    await consumer.subscribe({ topics: [queue], fromBeginning: true });
    await consumer.run({ eachMessage: ({ message }) => handle(message.value) });
  };`;

interface Setting {
  readonly url: string;
  readonly queue: string;
  readonly how?: 'hang' | 'throw';
}

const times = { LASTCALL_WRAP_UP_TIME_MS: '0', LASTCALL_HAMMER_TIME_MS: '4000' };
/** kafkajs sets a timer of a negative time, of which Node 24 and later warn. */
const quiet = { NODE_OPTIONS: '--disable-warning=TimeoutNegativeWarning' };

function start(source: string, { url, queue, how = undefined }: Setting): Program {
  const env = {
    ...times,
    ...quiet,
    URL_OF_BROKER: url,
    QUEUE: queue,
    ...(how ? { HOW: how } : {}),
  };
  return run(join(__dirname, '..'), PREAMBLE + source, { env });
}

/** With a lifecycle: SIGTERM while the first message is in hand. */
async function stopInHand(source: string, setting: Setting): Promise<string> {
  const program = start(source, setting);
  await program.saw('begin');
  program.kill('SIGTERM');
  const { signal, out, err } = await program.ended;
  expect(signal).toBe('SIGTERM');
  return out + err;
}

/** Without a lifecycle, with a broker that freezes. */
async function stopFrozen(source: string, setting: Setting, proxy: TcpProxy): Promise<string> {
  const program = start(source, setting);
  await program.saw('begin');
  proxy.freeze();
  program.kill('SIGTERM');
  const { code, out, err } = await program.ended;
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
}

const ONE_DRAINED = /^begin 0\ndone 0\n(.|\n)*intake +\w+ +ok .* 1 drained, 0 cut/;

describeRabbitmq('a process that consumes from RabbitMQ', (rabbitmq) => {
  const attached = `${AMQPLIB} void consume(attachAmqplib);`;
  const bare = `${AMQPLIB} void consume((target) => stopOnSigterm(createAmqplibDrain(target)));`;

  it('finishes what is in hand at SIGTERM, and dies by it', async () => {
    const { url } = rabbitmq();
    const queue = await rabbitmq().queue(2);
    expect(await stopInHand(attached, { url, queue })).toMatch(ONE_DRAINED);
    expect(await rabbitmq().settled(queue, 1)).toBe(1);
    expect(await rabbitmq().take(queue)).toEqual(['1']);
  });

  it('does not crash when its connection breaks before its stage, and lists what is delivered again', async () => {
    const queue = await rabbitmq().queue(1);
    const proxy = await rabbitmq().proxy();
    const source = `${AMQPLIB}
      const { proc } = require('@lastcall/proc');
      void consume((connection) => {
        attachAmqplib(connection, { stage: 'resources' });
        const closed = new Promise((resolve) => connection.once('close', resolve));
        proc.onShutdown(() => (say('stopping'), closed), { name: 'web', stage: 'intake' });
      });`;
    const program = start(source, { url: proxy.via(rabbitmq().url), queue });
    await program.saw('begin');
    program.kill('SIGTERM');
    await program.saw('stopping');
    proxy.reset();
    const { signal, out, err } = await program.ended;
    expect(signal).toBe('SIGTERM');
    expect(out + err).not.toMatch(/uncaughtException|^ +at /m);
    expect(err).toMatch(/resources amqplib +cut .* 0 drained, 1 cut \(1 cut\)\n/);
    expect(await rabbitmq().take(queue)).toEqual(['0']);
  });

  it('hands back what a handler failed at; the rejection stays the application’s', async () => {
    const { url } = rabbitmq();
    const queue = await rabbitmq().queue(1);
    const output = await stopInHand(attached, { url, queue, how: 'throw' });
    expect(output).toMatch(/unhandledRejection: cannot be packed/);
    expect(await rabbitmq().settled(queue, 1)).toBe(1);
  });

  it('ends by itself, without errors, where the broker is frozen', async () => {
    const proxy = await rabbitmq().proxy();
    const queue = await rabbitmq().queue(1);
    const setting = { url: proxy.via(rabbitmq().url), queue, how: 'hang' } as const;
    expect(await stopFrozen(bare, setting, proxy)).toBe('begin 0\nstopped, cut: cut\n');
  });
});

describeBullmq('a process that works on jobs of BullMQ', (bullmq) => {
  const attached = `${BULLMQ} void consume(attachBullmq);`;
  const bare = `${BULLMQ} void consume((worker) => stopOnSigterm(createBullmqDrain(worker)));`;

  it('finishes what is in hand at SIGTERM, and dies by it', async () => {
    await bullmq().add(2);
    const setting = { url: bullmq().url, queue: bullmq().queue.name };
    expect(await stopInHand(attached, setting)).toMatch(ONE_DRAINED);
    expect(await bullmq().states()).toEqual({ completed: 1, waiting: 1 });
  });

  it('leaves nothing that keeps the process alive', async () => {
    await bullmq().add(1);
    const program = start(
      `${BULLMQ} void consume((worker) => {
      const drain = createBullmqDrain(worker);
      process.once('SIGTERM', async () => {
        await drain.stop({ signal: new AbortController().signal });
        // Sockets are closed in the next turns of the loop.
        while (process.getActiveResourcesInfo().includes('TCPSocketWrap')) await new Promise(setImmediate);
        say('left: ' + process.getActiveResourcesInfo().filter((name) => name === 'Timeout'));
      });
    });`,
      { url: bullmq().url, queue: bullmq().queue.name },
    );
    await program.saw('begin');
    program.kill('SIGTERM');
    const { code, out, err } = await program.ended;
    expect({ code, out, err }).toEqual({ code: 0, out: 'begin 0\ndone 0\nleft: \n', err: '' });
  });

  it('ends by itself, without errors, where Redis is frozen', async () => {
    await bullmq().add(1);
    const proxy = await bullmq().proxy();
    const queue = bullmq().queue.name;
    const setting = { url: proxy.via(bullmq().url), queue, how: 'hang' } as const;
    expect(await stopFrozen(bare, setting, proxy)).toBe('begin 0\nstopped, cut: cut\n');
  });

  it('ends by itself, without errors, where Redis cannot be reached', async () => {
    const proxy = await bullmq().proxy();
    const url = proxy.via(bullmq().url);
    proxy.close();
    const program = start(`${bare} say('up');`, { url, queue: bullmq().queue.name });
    await program.saw('up');
    program.kill('SIGTERM');
    const { code, out } = await program.ended;
    expect({ code, out }).toEqual({ code: 0, out: 'up\nstopped, cut: \n' });
  });
});

describeNats('a process that consumes from NATS', (nats) => {
  const attached = `${NATS} void consume(attachNats);`;
  const bare = `${NATS} void consume((connection) => {
    const drain = createNatsDrain(connection);
    stopOnSigterm(drain);
    return drain;
  });`;

  it('finishes what is in hand at SIGTERM, and dies by it', async () => {
    await nats().open(1);
    const setting = { url: nats().url, queue: nats().stream };
    expect(await stopInHand(attached, setting)).toMatch(ONE_DRAINED);
    expect(await nats().info()).toMatchObject({ num_ack_pending: 0, num_pending: 0 });
  });

  it('ends by itself, without errors, where the server is frozen', async () => {
    await nats().open(1);
    const proxy = await nats().proxy();
    const setting = { url: proxy.via(nats().url), queue: nats().stream, how: 'hang' } as const;
    expect(await stopFrozen(bare, setting, proxy)).toBe('begin 0\nstopped, cut: cut\n');
  });
});

describe('a process that consumes from a fake Kafka', () => {
  let broker: FakeKafka;
  let url: string;

  beforeEach(async () => {
    broker = new FakeKafka();
    broker.topics.set('orders', [['0', '1']]);
    url = await broker.listen();
  });

  afterEach(() => broker.close());

  it('commits what is in hand at SIGTERM, and dies by it', async () => {
    const attached = `${KAFKAJS} void consume(attachKafkajs);`;
    expect(await stopInHand(attached, { url, queue: 'orders' })).toMatch(ONE_DRAINED);
    expect(broker.committed('orders', 0)).toBe(1);
    expect(broker.members.size).toBe(0);
  });

  it('ends by itself, without errors', async () => {
    const bare = `${KAFKAJS} void consume((target) => stopOnSigterm(createKafkajsDrain(target)));`;
    const program = start(bare, { url, queue: 'orders' });
    await program.saw('begin');
    program.kill('SIGTERM');
    const { code, out, err } = await program.ended;
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe('begin 0\ndone 0\nstopped, cut: \n');
  });
});
