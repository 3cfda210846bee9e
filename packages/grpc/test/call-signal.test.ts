import { EventEmitter } from 'node:events';
import type * as grpc from '@grpc/grpc-js';
import { within } from '../../http/test/harness/deadline';
import { callSignal } from '../src/call-signal';
import { disposeServers, TestServer } from './harness/test-server';

afterEach(disposeServers);

type Call = grpc.ServerUnaryCall<unknown, unknown>;

/** A server of one method, whose handler hands out the signal of its call and never answers. */
async function start() {
  const calls = new EventEmitter();
  const test = await TestServer.start({
    prepare: (server) => {
      server.register(
        '/test.Signals/Wait',
        ((call: Call, callback: grpc.sendUnaryData<unknown>) =>
          calls.emit('call', call, callback)) as never,
        () => Buffer.alloc(0),
        () => ({}),
        'unary',
      );
    },
  });
  const client = test.client();
  const next = within(
    'the call',
    new Promise<[Call, grpc.sendUnaryData<unknown>]>((resolve) =>
      calls.once('call', (...args) => resolve(args as never)),
    ),
  );
  const wait = (options: grpc.CallOptions = {}): grpc.ClientUnaryCall =>
    client.makeUnaryRequest(
      '/test.Signals/Wait',
      () => Buffer.alloc(0),
      (x) => x,
      {},
      options,
      () => {},
    );
  next.catch(() => {});
  return { test, wait, next };
}

function aborted(signal: AbortSignal): Promise<Error> {
  return within(
    'the signal',
    new Promise((resolve) =>
      signal.addEventListener('abort', () => resolve(signal.reason as Error), { once: true }),
    ),
  );
}

describe('callSignal()', () => {
  it('aborts when the client cancels', async () => {
    const { wait, next } = await start();
    const call = wait();
    const [served] = await next;
    const signal = callSignal(served);
    expect([signal.aborted, callSignal(served) === signal]).toEqual([false, true]);
    const reason = aborted(signal);
    call.cancel();
    expect(await reason).toMatchObject({
      code: 'LASTCALL_GRPC_CALL_ENDED',
      message: expect.stringContaining('/test.Signals/Wait: its client has cancelled'),
    });
    expect(callSignal(served).aborted).toBe(true);
  });

  it('aborts when the deadline passes', async () => {
    const { test, next } = await start();
    // A client that does not keep its deadline itself.
    const session = test.session(await test.tcp());
    const headers = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
    const path = '/test.Signals/Wait';
    const stream = session.request({ ...headers, ':path': path, 'grpc-timeout': '300m' });
    stream.on('error', () => {});
    stream.end(Buffer.alloc(5));
    const [served] = await next;
    expect(Number(served.getDeadline())).toBeLessThanOrEqual(Date.now() + 300);
    expect((await aborted(callSignal(served))).message).toContain('its deadline has passed');
  });

  it('says so as well where the timer of the deadline came a millisecond before the clock', async () => {
    const call = Object.assign(new EventEmitter(), {
      cancelled: false,
      getPath: () => '/test.Signals/Wait',
      getDeadline: () => Date.now() + 1,
    });
    const reason = aborted(callSignal(call));
    call.emit('cancelled');
    expect((await reason).message).toContain('its deadline has passed');
  });

  it('aborts when the call is over, as the context of Go does', async () => {
    const { wait, next } = await start();
    wait();
    const [served, callback] = await next;
    const reason = aborted(callSignal(served));
    callback(null, {});
    expect((await reason).message).toContain('or it is over');
  });

  it('aborts when the hammer cuts the call', async () => {
    const { test, wait, next } = await start();
    wait();
    const [served] = await next;
    const reason = aborted(callSignal(served));
    const stopped = test.beginStop();
    test.hammer();
    await within('the stop', stopped);
    expect(await reason).toMatchObject({ code: 'LASTCALL_GRPC_CALL_ENDED' });
  });

  it.each([undefined, null, {}, { on() {} }, 'call'])('refuses %p', (bad) => {
    expect(() => callSignal(bad as never)).toThrow(
      expect.objectContaining({ code: 'LASTCALL_GRPC_BAD_CALL' }),
    );
  });

  it('has aborted when it is asked for late', async () => {
    const { wait, next } = await start();
    const call = wait();
    const [served] = await next;
    const cancelled = new Promise((done) => served.once('cancelled', done));
    call.cancel();
    await within('the cancellation', cancelled);
    expect(callSignal(served).aborted).toBe(true);
  });
});
