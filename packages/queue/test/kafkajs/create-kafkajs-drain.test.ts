import { setTimeout as delay } from 'node:timers/promises';
import { type Consumer, type ConsumerRunConfig, Kafka, logLevel } from 'kafkajs';
import { eventually } from '../../../../tools/eventually';
import { createKafkajsDrain, type QueueDrain } from '../../src/kafkajs';
import { createGate } from '../harness/gate';
import { seededRandom } from '../harness/random';
import { FakeKafka } from './fake-kafka';

/** Against a stand-in for the broker, which speaks its protocol: see `fake-kafka.ts`. */
describe('createKafkajsDrain(), with a fake Kafka', () => {
  const never = (): AbortSignal => new AbortController().signal;
  const now = (): AbortSignal => AbortSignal.abort();
  let broker: FakeKafka;
  let address: string;

  beforeEach(async () => {
    broker = new FakeKafka();
    address = await broker.listen();
  });

  afterEach(() => broker.close());

  function consumerOf(brokers = [address]): Consumer {
    const retry = { initialRetryTime: 50, retries: 2 };
    const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry });
    return kafka.consumer({ groupId: 'packer', maxWaitTimeInMs: 100, heartbeatInterval: 0 });
  }

  /** A consumer of a topic with these messages in each partition. */
  async function consume(
    partitions: string[][],
    config: ConsumerRunConfig,
  ): Promise<{ consumer: Consumer; drain: QueueDrain }> {
    broker.topics.set('orders', partitions);
    const consumer = consumerOf();
    const drain = createKafkajsDrain(consumer, { cutGraceMs: 20 });
    await consumer.connect();
    await consumer.subscribe({ topics: ['orders'], fromBeginning: true });
    await consumer.run(config);
    return { consumer, drain };
  }

  const inHand = (drain: QueueDrain, count: number): Promise<number> =>
    eventually(
      () => drain.gauges().inHand,
      (found) => found === count,
    );

  it('leaves its group when idle, and twice is once', async () => {
    const { drain } = await consume([[]], { eachMessage: async () => {} });
    expect(broker.members.size).toBe(1);
    const stopped = drain.stop({ signal: never() });
    expect(drain.stop({ signal: never() })).toBe(stopped);
    expect(await stopped).toEqual({ drained: 0, cut: [], handedBack: 0, errors: [] });
    expect(broker.members.size).toBe(0);
  });

  it('ends at once when it was never used', async () => {
    const drain = createKafkajsDrain(consumerOf());
    expect(await drain.stop({ signal: never() })).toMatchObject({ drained: 0, errors: [] });
  });

  it('commits what its handler has finished, and no more', async () => {
    const gate = createGate();
    const handled: string[] = [];
    const { drain } = await consume([['0', '1', '2', '3']], {
      async eachMessage({ message }) {
        if (message.offset === '1') await gate.opened;
        handled.push(String(message.value));
      },
    });
    await eventually(
      () => handled.length + drain.gauges().inHand,
      (count) => count === 2,
    );
    const stopped = drain.stop({ signal: never() });
    gate.open();
    expect(await stopped).toEqual({ drained: 1, cut: [], handedBack: 0, errors: [] });
    expect(handled).toEqual(['0', '1']);
    expect(broker.committed('orders', 0)).toBe(2);
    expect(broker.members.size).toBe(0);
  });

  it('lets a handler commit by itself during the stop', async () => {
    const gate = createGate();
    const { drain, consumer } = await consume([['0', '1']], {
      autoCommit: false,
      async eachMessage({ topic, partition, message }) {
        await gate.opened;
        await consumer.commitOffsets([
          { topic, partition, offset: `${Number(message.offset) + 1}` },
        ]);
      },
    });
    await inHand(drain, 1);
    const stopped = drain.stop({ signal: never() });
    gate.open();
    expect(await stopped).toMatchObject({ drained: 1, cut: [] });
    expect(broker.committed('orders', 0)).toBe(1);
  });

  it('passes over what other partitions bring while one is in hand', async () => {
    const gate = createGate();
    const handled: string[] = [];
    const { drain } = await consume([['a0', 'a1', 'a2'], ['b0', 'b1', 'b2'], []], {
      partitionsConsumedConcurrently: 3,
      async eachMessage({ message }) {
        const text = String(message.value);
        if (text === 'a1') await gate.opened;
        else if (text.startsWith('b')) await delay(1);
        handled.push(text);
      },
    });
    await eventually(
      () => handled,
      (texts) => texts.includes('b2') && texts.includes('a0'),
    );
    const stopped = drain.stop({ signal: never() });
    broker.add('orders', 1, 'b3');
    broker.add('orders', 2, 'c0');
    await delay(50);
    gate.open();
    expect(await stopped).toMatchObject({ drained: 1, cut: [], errors: [] });
    expect(handled.toSorted()).toEqual(['a0', 'a1', 'b0', 'b1', 'b2']);
    expect([0, 1, 2].map((partition) => broker.committed('orders', partition))).toEqual([2, 3, 0]);
  });

  it('commits of a batch what was resolved', async () => {
    const gate = createGate();
    const { drain } = await consume([['0', '1', '2', '3']], {
      eachBatchAutoResolve: false,
      async eachBatch({ batch, resolveOffset, isRunning }) {
        for (const { offset } of batch.messages) {
          if (!isRunning()) return;
          resolveOffset(offset);
          if (offset === '1') await gate.opened;
        }
      },
    });
    await inHand(drain, 1);
    const stopped = drain.stop({ signal: never() });
    gate.open();
    expect(await stopped).toMatchObject({ drained: 1, cut: [] });
    expect(broker.committed('orders', 0)).toBe(2);
  });

  it('does not commit what a handler failed at', async () => {
    const gate = createGate();
    const { drain } = await consume([['0', '1']], {
      async eachMessage({ message }) {
        if (message.offset === '0') return;
        await gate.opened;
        throw new Error('cannot be packed');
      },
    });
    await inHand(drain, 1);
    const stopped = drain.stop({ signal: never() });
    gate.open();
    expect(await stopped).toMatchObject({ drained: 0, cut: [], handedBack: 1 });
    expect(broker.committed('orders', 0)).toBe(1);
  });

  it('lists at the hammer what hangs, and never commits it, also when it ends later', async () => {
    const gate = createGate();
    const { drain } = await consume([['0', '1']], {
      async eachMessage({ message }) {
        if (message.offset === '1') await gate.opened;
      },
    });
    await inHand(drain, 1);
    await eventually(
      () => drain.inFlight().activities[0]?.name,
      (name) => name === 'orders[0] 1',
    );
    const { drained, cut } = await drain.stop({ signal: now() });
    expect(drained).toBe(0);
    const message = { outcome: 'cut', queue: 'orders[0]', id: '1', ageMs: expect.any(Number) };
    expect(cut).toEqual([message]);
    gate.open();
    await eventually(
      () => broker.members.size,
      (size) => size === 0,
    );
    expect(broker.committed('orders', 0)).toBeLessThanOrEqual(1);
  });

  describe('a group that is joined again while it drains', () => {
    it.each([
      ['commits are taken', { drained: 1, cut: [] }, 2],
      ['commits are refused', { drained: 0, cut: [{ outcome: 'outcome unknown', id: '1' }] }, 0],
    ] as const)('and %s: tells what is committed', async (how, told, committed) => {
      const gate = createGate();
      const handled: string[] = [];
      const { drain } = await consume([['0', '1', '2']], {
        async eachMessage({ message }) {
          if (message.offset === '1') await gate.opened;
          handled.push(message.offset);
        },
      });
      await eventually(
        () => handled.length + drain.gauges().inHand,
        (count) => count === 2,
      );
      const stopped = drain.stop({ signal: never() });
      broker.rebalance(how);
      gate.open();
      expect(await stopped).toMatchObject({ ...told, handedBack: 0, errors: [] });
      expect(handled).toEqual(['0', '1']);
      expect(broker.hasToldOfRebalance).toBe(true);
      expect(broker.committed('orders', 0)).toBe(committed);
      expect(broker.members.size).toBe(0);
    });

    it('as one handler hears while another has a message in hand: both are committed', async () => {
      const gates = [createGate(), createGate()];
      const handled: string[] = [];
      const { drain } = await consume(
        [
          ['a0', 'a1'],
          ['b0', 'b1'],
        ],
        {
          partitionsConsumedConcurrently: 2,
          async eachMessage({ partition, message }) {
            await gates[partition]?.opened;
            handled.push(String(message.value));
          },
        },
      );
      await inHand(drain, 2);
      const stopped = drain.stop({ signal: never() });
      broker.rebalance('commits are taken');
      gates[1]?.open();
      await eventually(
        () => broker.hasToldOfRebalance,
        (hasTold) => hasTold,
      );
      gates[0]?.open();
      expect(await stopped).toMatchObject({ drained: 2, cut: [], handedBack: 0, errors: [] });
      expect(handled).toEqual(['b0', 'a0']);
      expect([0, 1].map((partition) => broker.committed('orders', partition))).toEqual([1, 1]);
      expect(broker.members.size).toBe(0);
    });
  });

  describe('a broker that is gone', () => {
    it.each(['frozen', 'killed'] as const)(
      '%s: what cannot be committed is unknown',
      async (how) => {
        const gate = createGate();
        const { drain } = await consume([['0']], { eachMessage: () => gate.opened });
        await inHand(drain, 1);
        if (how === 'frozen') broker.freeze();
        else broker.kill();
        const hammer = new AbortController();
        const stopped = drain.stop({ signal: hammer.signal });
        gate.open();
        await inHand(drain, 0);
        hammer.abort();
        expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'outcome unknown' }] });
        expect(broker.committed('orders', 0)).toBe(0);
      },
    );

    it('unreachable: it ends in time', async () => {
      broker.kill();
      const consumer = consumerOf();
      const drain = createKafkajsDrain(consumer);
      consumer.connect().catch(() => {});
      expect(await drain.stop({ signal: now() })).toMatchObject({ drained: 0, cut: [] });
    });
  });

  describe('a stop at a random moment', () => {
    it.each([1, 2, 3, 4, 5, 6])('commits exactly what was handled (seed %i)', async (seed) => {
      const random = seededRandom(seed);
      const partitions = Array.from({ length: 3 }, (_, p) =>
        Array.from({ length: 20 }, (_, i) => `${p}/${i}`),
      );
      const handled = partitions.map(() => new Set<number>());
      const { drain } = await consume(partitions, {
        partitionsConsumedConcurrently: 1 + Math.floor(random() * 3),
        async eachMessage({ partition, message }) {
          await delay(random() * 6);
          handled[partition]?.add(Number(message.offset));
        },
      });
      await delay(random() * 150);
      const { cut } = await drain.stop({ signal: never() });
      expect(cut).toEqual([]);
      expect(partitions.map((_, partition) => broker.committed('orders', partition))).toEqual(
        handled.map(({ size }) => size),
      );
    });
  });

  it('refuses what it cannot mean, and leaves the consumer as it was', async () => {
    const { consumer, drain } = await consume([[]], { eachMessage: async () => {} });
    expect(() => createKafkajsDrain({} as never)).toThrow(/a consumer of kafkajs is needed/);
    expect(() => createKafkajsDrain(consumer)).toThrow(/runs already/);
    drain.detach();
    await consumer.disconnect();
    const other = consumerOf();
    const { run } = other;
    createKafkajsDrain(other).detach();
    expect(other.run).toBe(run);
    createKafkajsDrain(other).detach();
  });
});
