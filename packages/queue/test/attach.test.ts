import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '@lastcall/proc';
import { createTestLifecycle, type TestLifecycle } from '@lastcall/proc/testing';
import { type Consumer, Kafka, logLevel } from 'kafkajs';
import { eventually } from '../../../tools/eventually';
import { runProgram } from '../../../tools/run-program';
import { attachKafkajs } from '../src/kafkajs';
import { createGate } from './harness/gate';
import { FakeKafka } from './kafkajs/fake-kafka';

/** Lets the fake clock go on until the stop is over, while the broker works. */
async function stop(test: TestLifecycle): Promise<Report> {
  let report: Report | undefined;
  test.lifecycle.events.once('report', (event) => {
    report = event.report;
  });
  test.kill('SIGTERM');
  while (report === undefined) {
    await test.clock.advance(5);
    await delay(5);
  }
  return report;
}

// What all attach functions share, with the driver that needs no server.
describe('attach<Driver>()', () => {
  let broker: FakeKafka;
  let consumer: Consumer;

  beforeEach(async () => {
    broker = new FakeKafka();
    broker.topics.set('orders', [['0', '1']]);
    const kafka = new Kafka({ brokers: [await broker.listen()], logLevel: logLevel.NOTHING });
    consumer = kafka.consumer({ groupId: 'packer', maxWaitTimeInMs: 100 });
  });

  afterEach(() => broker.close());

  async function run(eachMessage: () => Promise<void>): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: ['orders'], fromBeginning: true });
    await consumer.run({ eachMessage });
  }

  it('drains in the stage intake, before what the handlers need closes', async () => {
    const test = createTestLifecycle({ wrapUpTimeMs: 10, hammerTimeMs: 5000, waitTimeMs: 10_000 });
    const gate = createGate();
    const order: string[] = [];
    const handle = attachKafkajs(consumer, { name: 'orders', lifecycle: test.lifecycle });
    test.lifecycle.onShutdown(() => void order.push('pool closed'), { name: 'pool' });
    await run(async () => {
      await gate.opened;
      order.push('handled');
    });
    await eventually(
      () => handle.gauges().inHand,
      (count) => count === 1,
    );
    expect(test.lifecycle.activities.list()).toMatchObject({
      counts: { 'kafkajs message': 1 },
      activities: [{ owner: 'orders', name: 'orders[0] 0', state: 'in hand' }],
    });
    const stopped = stop(test);
    await eventually(
      () => test.lifecycle.state,
      (state) => state === 'shutting-down',
    );
    gate.open();
    expect((await stopped).listeners).toMatchObject([
      { name: 'orders', stage: 'intake', outcome: 'ok', drained: 1, cut: [] },
      { name: 'pool', stage: 'resources', outcome: 'ok' },
    ]);
    expect(order).toEqual(['handled', 'pool closed']);
    expect(broker.committed('orders', 0)).toBe(1);
  });

  it('begins the drain where the application closes the consumer itself, before its stage', async () => {
    const test = createTestLifecycle({ wrapUpTimeMs: 10, hammerTimeMs: 5000, waitTimeMs: 10_000 });
    const gate = createGate();
    const handle = attachKafkajs(consumer, { name: 'orders', lifecycle: test.lifecycle });
    await consumer.connect();
    await consumer.subscribe({ topics: ['orders'], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      async eachMessage({ topic, partition }) {
        await gate.opened;
        // kafkajs drops it once it is told to stop.
        await consumer.commitOffsets([{ topic, partition, offset: '1' }]);
      },
    });
    await eventually(
      () => handle.gauges().inHand,
      (count) => count === 1,
    );
    let closed: Promise<void> | undefined;
    test.lifecycle.onWrapUp(() => {
      closed = consumer.disconnect();
      gate.open();
    });
    const { listeners } = await stop(test);
    await closed;
    expect(listeners.at(-1)).toMatchObject({ name: 'orders', drained: 1, cut: [] });
    expect(broker.committed('orders', 0)).toBe(1);
    expect(broker.members.size).toBe(0);
  });

  it('reports what the hammer cut, and warns of a close that is late', async () => {
    const test = createTestLifecycle({ wrapUpTimeMs: 10, hammerTimeMs: 50, waitTimeMs: 10_000 });
    const handle = attachKafkajs(consumer, { lifecycle: test.lifecycle });
    const warned = new Promise((resolve) => test.lifecycle.events.once('warning', resolve));
    const gate = createGate();
    await run(() => gate.opened);
    await eventually(
      () => handle.gauges().inHand,
      (count) => count === 1,
    );
    const { listeners } = await stop(test);
    expect(listeners).toMatchObject([
      { name: 'kafkajs', outcome: 'cut', drained: 0, cut: [{ outcome: 'cut', id: '0' }] },
    ]);
    expect(await warned).toMatchObject({
      error: {
        code: 'LASTCALL_QUEUE_CLOSE_LATE',
        message: expect.stringMatching(/in time: a handler has not returned;/),
      },
    });
    expect(handle.cutSignal.aborted).toBe(true);
    gate.open();
  });

  it('has as many handlers watch cutSignal as there are messages, without a warning of Node', async () => {
    const program = runProgram(
      join(__dirname, '..'),
      `
      const { Kafka } = require('kafkajs');
      const { attachKafkajs } = require('@lastcall/queue/kafkajs');
      const consumer = new Kafka({ brokers: ['127.0.0.1:1'] }).consumer({ groupId: 'packer' });
      const { cutSignal } = attachKafkajs(consumer);
      for (let i = 0; i < 20; i++) cutSignal.addEventListener('abort', () => {});
      setImmediate(() => process.exit(0));`,
    );
    expect(await program.ended).toMatchObject({ code: 0, err: '' });
  });

  it('tells apart in what it says consumers that were given no names', async () => {
    const test = createTestLifecycle();
    const other = new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING });
    const second = other.consumer({ groupId: 'mailer' });
    for (const each of [consumer, second]) attachKafkajs(each, { lifecycle: test.lifecycle });
    await stop(test);
    await expect(consumer.run({})).rejects.toThrow(/are taken from kafkajs any more/);
    await expect(second.run({})).rejects.toThrow(/are taken from kafkajs 'kafkajs#2' any more/);
  });

  it('refuses what it cannot mean, and leaves the consumer as it was', () => {
    const { lifecycle } = createTestLifecycle();
    const { run: own } = consumer;
    expect(() => attachKafkajs(consumer, { lifecycle, stage: 'soon' as never })).toThrow(/'stage'/);
    expect(() => attachKafkajs(consumer, { lifecycle, retries: 3 } as never)).toThrow(
      /attachKafkajs\(\) has no option 'retries'/,
    );
    for (const bad of [null, {}, { onShutdown() {} }]) {
      expect(() => attachKafkajs(consumer, { lifecycle: bad as never })).toThrow(
        expect.objectContaining({
          code: 'LASTCALL_BAD_OPTION',
          message: expect.stringMatching(/^option 'lifecycle' of attachKafkajs\(\) must be/),
        }),
      );
    }
    expect(consumer.run).toBe(own);
    const handle = attachKafkajs(consumer, { lifecycle });
    expect(() => attachKafkajs(consumer, { lifecycle })).toThrow(/has one already/);
    handle.detach();
    handle.detach();
    expect(consumer.run).toBe(own);
    expect(lifecycle.status().listeners ?? []).toEqual([]);
  });
});
