import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { within } from '../../http/test/harness/deadline';
import { disposeServers, open, TestServer, unary, unaryOver } from './harness/test-server';

afterEach(disposeServers);

/** A client that pings more often than its calls last. */
const KEEPALIVE = { 'grpc.keepalive_time_ms': 100, 'grpc.keepalive_timeout_ms': 5000 };

/**
 * Opens the gate when the client of `test` has had the time to ping, and has pinged or been dropped. grpc-js tells nobody of
 * either.
 */
async function openAfterPings(test: TestServer): Promise<void> {
  await new Promise((done) => setTimeout(done, 400));
  test.service.gate.open();
}

describe('goawayDelayMs', () => {
  it('saves the calls of grpc-js clients that ping after GOAWAY (grpc-node issue 3068)', async () => {
    const test = await TestServer.start({ goawayDelayMs: 10_000 });
    const call = unary(test.client(KEEPALIVE), 'slow');
    await test.service.got('unary');
    const stopped = test.beginStop();
    await openAfterPings(test);
    expect(await call).toMatchObject({ code: status.OK });
    expect(await within('the stop', stopped)).toMatchObject({ drained: 1, cut: [] });
  });

  it('is there because without it such a client drops its own call', async () => {
    const test = await TestServer.start();
    const call = unary(test.client(KEEPALIVE), 'slow');
    await test.service.got('unary');
    const stopped = test.beginStop();
    await openAfterPings(test);
    expect(await call).toMatchObject({ code: status.UNAVAILABLE, details: 'Connection dropped' });
    await within('the stop', stopped);
  });

  it('sends GOAWAY at once where there is no call, and elsewhere when the last one is over', async () => {
    const test = await TestServer.start({ goawayDelayMs: 60_000 });
    const idle = test.session(await test.tcp());
    await unaryOver(idle);
    const busy = test.session(await test.tcp());
    const stream = open(busy, 'Unary');
    stream.resume();
    stream.end(Buffer.alloc(5));
    await test.service.got('unary');
    const order: string[] = [];
    const told = [
      once(idle, 'goaway').then(() => order.push('idle')),
      once(busy, 'goaway').then(() => order.push('busy')),
    ];
    const stopped = test.beginStop();
    await within('the first GOAWAY', told[0] as Promise<unknown>);
    expect(await unaryOver(busy)).toBe('0');
    expect(order).toEqual(['idle']);
    test.service.gate.open();
    await within('the second GOAWAY', told[1] as Promise<unknown>);
    expect(await within('the stop', stopped)).toMatchObject({ drained: 2, cut: [] });
  });

  it('does not hold up a connection on which nothing was ever said', async () => {
    const test = await TestServer.start({ goawayDelayMs: 60_000 });
    await test.tcp();
    await test.settled(({ connections }) => connections === 1);
    expect(await test.stop()).toMatchObject({ drained: 0, cut: [] });
  });

  it('is over at its end', async () => {
    const test = await TestServer.start({ goawayDelayMs: 50 });
    const session = test.session(await test.tcp());
    const stream = open(session, 'Unary');
    stream.end(Buffer.alloc(5));
    await test.service.got('unary');
    const told = once(session, 'goaway');
    const stopped = test.beginStop();
    await within('GOAWAY', told);
    test.service.gate.open();
    stream.resume();
    expect(await within('the stop', stopped)).toMatchObject({ drained: 1, cut: [] });
  });
});
