import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import {
  type Client,
  type Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  status,
} from '@grpc/grpc-js';
import { Gate, turns, within } from '../../http/test/harness/deadline';
import { drainSignal } from '../src/drain-signal';
import { createGrpcDrain } from '../src/grpc-drain';
import {
  createClient,
  disposeServers,
  ended,
  message,
  TestServer,
  unary,
  unaryOver,
  WAYS,
} from './harness/test-server';

afterEach(disposeServers);

const NOTHING = { drained: 0, ended: 0, cut: [], errors: [] };
const PEER = expect.stringMatching(/^127\.0\.0\.1:\d+$/);

const VARIANTS = WAYS.flatMap((way) => [
  { way, channelz: 'on', server: {} },
  { way, channelz: 'off', server: { 'grpc.enable_channelz': 0 } },
]);

describe.each(VARIANTS)('stop() of a server by $way, channelz $channelz', (variant) => {
  it('ends the connection of an idle client', async () => {
    const test = await TestServer.start(variant);
    expect(await unary(test.client(), 'now')).toMatchObject({ code: status.OK });
    expect(await test.stop()).toEqual(NOTHING);
    expect(test.drain.counts()).toEqual({ connections: 0, calls: 0 });
  });

  it('lets a unary call finish, and settles only then', async () => {
    const test = await TestServer.start(variant);
    const call = unary(test.client(), 'slow');
    await test.service.got('unary');
    let isSettled = false;
    const stopped = test.beginStop().finally(() => (isSettled = true));
    await test.closed();
    expect(await unary(test.client(), 'now')).toMatchObject({ code: status.UNAVAILABLE });
    expect(isSettled).toBe(false);
    test.service.gate.open();
    expect(await call).toMatchObject({ code: status.OK, messages: 1 });
    expect(await within('the stop', stopped)).toEqual({ ...NOTHING, drained: 1 });
  });

  it('lets a stream that ends finish, with every message', async () => {
    const test = await TestServer.start({ ...variant, streamGraceMs: 20_000 });
    const call = test.client().count({ count: 3 });
    const end = ended(call);
    await message(call);
    const stopped = test.beginStop();
    test.service.gate.open();
    expect(await end).toEqual({ code: status.OK, details: 'OK', messages: 3 });
    expect(await within('the stop', stopped)).toEqual({ ...NOTHING, drained: 1 });
  });

  it('ends what does not end by itself with UNAVAILABLE, and tells the handlers', async () => {
    const test = await TestServer.start({ ...variant, streamGraceMs: 50 });
    const client = test.client();
    const feed = client.feed({});
    const chat = client.chat();
    const ends = [ended(feed), ended(chat)];
    chat.write({ text: 'hello' });
    await Promise.all([message(feed), message(chat)]);
    const silent = client.chat();
    ends.push(ended(silent));
    const upload = new Promise<number | undefined>((resolve) => {
      client.upload((error) => resolve(error?.code)).write({ text: 'one' });
    });
    await test.settled(({ calls }) => calls === 4);
    expect(await test.stop()).toEqual({ ...NOTHING, ended: 4 });
    for (const end of ends) {
      expect(await end).toMatchObject({
        code: status.UNAVAILABLE,
        details: 'the server is stopping',
      });
    }
    expect(await within('the end of the upload', upload)).toBe(status.UNAVAILABLE);
    expect(test.service.cancelled.toSorted()).toEqual(['chat', 'chat', 'feed', 'upload']);
  });

  it('cuts at the hammer, lists what it cut, and the clients read UNAVAILABLE', async () => {
    const test = await TestServer.start({ ...variant, streamGraceMs: 20_000 });
    const client = test.client();
    const call = unary(client, 'stuck');
    await test.service.got('unary');
    const feed = client.feed({});
    const feedEnd = ended(feed);
    await message(feed);
    const stopped = test.beginStop();
    test.hammer();
    const { cut, ...rest } = await within('the stop', stopped);
    expect(rest).toEqual({ drained: 0, ended: 0, errors: [] });
    expect(cut).toEqual([
      {
        method: '/test.Calls/Unary',
        kind: 'unary',
        peer: PEER,
        ageMs: expect.any(Number),
        messagesSent: 0,
        state: 'waiting',
      },
      {
        method: '/test.Calls/Feed',
        kind: 'server stream',
        peer: PEER,
        ageMs: expect.any(Number),
        messagesSent: expect.any(Number),
        state: 'responding',
      },
    ]);
    expect(cut[1]?.messagesSent).toBeGreaterThan(0);
    expect(await call).toMatchObject({ code: status.UNAVAILABLE });
    expect(await feedEnd).toMatchObject({ code: status.UNAVAILABLE });
    await test.settled(({ connections, calls }) => connections + calls === 0);
  });

  it('cuts, and lists what it cut, when the application calls forceShutdown()', async () => {
    const test = await TestServer.start(variant);
    const { forceShutdown } = test.server;
    const call = unary(test.client(), 'stuck');
    await test.service.got('unary');
    const stopped = test.beginStop();
    test.server.forceShutdown();
    expect(await call).toMatchObject({ code: status.UNAVAILABLE });
    const { cut, ...rest } = await within('the stop', stopped);
    expect(rest).toEqual({ drained: 0, ended: 0, errors: [] });
    expect(cut).toMatchObject([{ kind: 'unary', state: 'waiting', peer: PEER }]);
    expect(test.server.forceShutdown).toBe(forceShutdown);
  });

  it('does not list as cut what its client gets an answer to, in the turns before the hammer', async () => {
    for (let before = 0; before < 4; before++) {
      const test = await TestServer.start(variant);
      const call = unary(test.client(), 'slow');
      await test.service.got('unary');
      const stopped = test.beginStop();
      await test.closed();
      test.service.gate.open();
      await turns(before);
      test.hammer();
      const { drained, cut } = await within('the stop', stopped);
      const { code } = await call;
      expect([drained, cut.length]).toEqual(code === status.OK ? [1, 0] : [0, 1]);
    }
  });

  it('does not wait for a connection on which nothing was ever said', async () => {
    const test = await TestServer.start(variant);
    const socket = await test.tcp();
    await test.settled(({ connections }) => connections === 1);
    const over = new Promise((done) => socket.once('close', done));
    socket.resume();
    expect(await test.stop()).toEqual(NOTHING);
    await within('the end of the connection', over);
  });

  it('refuses new connections', async () => {
    const test = await TestServer.start(variant);
    await test.stop();
    const socket = connect({ port: test.port, host: '127.0.0.1' });
    const [error] = await once(socket, 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

/** A stream with more messages than a client has room for which does not read them. */
class Flood {
  readonly #written = new Gate();
  readonly written: Promise<void> = this.#written.opened;

  addTo(server: Server): void {
    const run = (call: { write(message: unknown): void }): void => {
      for (let i = 0; i < 20; i++) call.write({});
      this.#written.open();
    };
    const message = (): Buffer => Buffer.alloc(1_000_000);
    const isServed = server.register(
      '/test.Flood/Run',
      run as never,
      message,
      () => ({}),
      'serverStream',
    );
    expect(isServed).toBe(true);
  }

  begin(client: Client): void {
    client
      .makeServerStreamRequest(
        '/test.Flood/Run',
        () => Buffer.alloc(0),
        (bytes) => bytes,
        {},
      )
      .on('error', () => {});
  }
}

/** A way to `port` on which everything, also the end, takes a while. */
async function slowLine(
  port: number,
): Promise<{ port: number; busy: Promise<void>; close: () => void }> {
  const busy = new Gate();
  let bytes = 0;
  const later = (step: () => void): void => void setTimeout(step, 20);
  const line = createServer((near) => {
    const far = connect({ port, host: '127.0.0.1' });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => {});
      from.on('data', (data) => later(() => to.write(data)));
      from.on('close', () => later(() => to.end()));
    }
    far.on('data', ({ length }) => {
      bytes += length;
      if (bytes > 500_000) busy.open();
    });
  });
  line.listen(0, '127.0.0.1');
  await once(line, 'listening');
  return {
    port: (line.address() as AddressInfo).port,
    busy: busy.opened,
    close: () => line.close(),
  };
}

describe('stop()', () => {
  it('settles at once for a server that was never bound', async () => {
    const test = await TestServer.start();
    expect(await test.stop()).toEqual(NOTHING);
  });

  it('returns the same promise each time, and any of the signals cuts', async () => {
    const test = await TestServer.start();
    const call = unary(test.client(), 'stuck');
    await test.service.got('unary');
    const first = test.beginStop();
    const second = test.drain.stop({ signal: AbortSignal.abort() });
    expect(second).toBe(first);
    expect((await within('the stop', first)).cut).toHaveLength(1);
    expect(await call).toMatchObject({ code: status.UNAVAILABLE });
  });

  it('cuts and lists, or does not begin, the calls that come once the hammer has fallen', async () => {
    let begun = 0;
    const count = (_: unknown, call: ServerInterceptingCallInterface) => {
      begun += 1;
      return new ServerInterceptingCall(call);
    };
    const flood = new Flood();
    const test = await TestServer.start({
      goawayDelayMs: 20_000,
      server: { interceptors: [count] },
      prepare: (server) => flood.addTo(server),
    });
    const client = test.client();
    // What has been sent to it keeps the hammer waiting.
    flood.begin(client);
    await flood.written;
    const calls = Array.from({ length: 5 }, async () => {
      await unary(client, 'stuck');
      return Promise.all(Array.from({ length: 5 }, () => unary(client, 'stuck')));
    });
    await test.settled((counts) => counts.calls === 6);
    const stopped = test.beginStop();
    await test.closed();
    test.hammer();
    const { cut, ...rest } = await within('the stop', stopped);
    expect(rest).toEqual({ drained: 0, ended: 0, errors: [] });
    expect(cut).toHaveLength(begun);
    for (const { code } of (await Promise.all(calls)).flat()) expect(code).toBe(status.UNAVAILABLE);
  });

  it('tells no client over a slow line INTERNAL whose call the hammer cuts', async () => {
    for (let round = 0; round < 5; round++) {
      const test = await TestServer.start();
      const line = await slowLine(test.port);
      const client = createClient(line.port);
      const codes = Array.from({ length: 5 }, () => ended(client.feed({ size: 1_000_000 })));
      await line.busy;
      const stopped = test.beginStop();
      await test.closed();
      await line.busy;
      test.hammer();
      await within('the stop', stopped);
      for (const { code } of await Promise.all(codes))
        expect([status.UNAVAILABLE, status.CANCELLED]).toContain(code);
      client.close();
      line.close();
    }
  });

  it('does not count a call that its client has cancelled', async () => {
    const test = await TestServer.start();
    const client = test.client();
    const call = client.unary({ text: 'slow' }, () => {});
    await test.service.got('unary');
    const stopped = test.beginStop();
    call.cancel();
    expect(await within('the stop', stopped)).toEqual(NOTHING);
    expect(test.service.cancelled).toEqual(['unary']);
  });

  it('ends a stream whose handler writes on and on', async () => {
    const test = await TestServer.start({
      streamGraceMs: 30,
      prepare: (server) => {
        const isServed = server.register(
          '/test.Flood/Run',
          ((call: { write(message: unknown): void }) => {
            const timer = setInterval(() => {
              for (let i = 0; i < 20; i++) call.write({});
            }, 1);
            setTimeout(() => clearInterval(timer), 400);
          }) as never,
          () => Buffer.alloc(1000),
          () => ({}),
          'serverStream',
        );
        expect(isServed).toBe(true);
      },
    });
    const flood = test.client().makeServerStreamRequest(
      '/test.Flood/Run',
      () => Buffer.alloc(0),
      (bytes) => bytes,
      {},
    );
    const end = ended(flood);
    await message(flood);
    expect(await test.stop()).toEqual({ ...NOTHING, ended: 1 });
    expect(await end).toMatchObject({ code: status.UNAVAILABLE });
  });

  it('gives each call the grace that the application says', async () => {
    const asked: unknown[] = [];
    const test = await TestServer.start({
      streamGraceMs: (call) => {
        asked.push(call);
        return call.method === '/test.Calls/Feed' ? 0 : 20_000;
      },
    });
    const client = test.client();
    const feed = client.feed({});
    const feedEnd = ended(feed);
    await message(feed);
    const count = client.count({ count: 2 });
    const countEnd = ended(count);
    await message(count);
    const stopped = test.beginStop();
    expect(await feedEnd).toMatchObject({ code: status.UNAVAILABLE });
    test.service.gate.open();
    expect(await countEnd).toMatchObject({ code: status.OK, messages: 2 });
    expect(await within('the stop', stopped)).toEqual({ ...NOTHING, drained: 1, ended: 1 });
    expect(asked).toEqual([
      { method: '/test.Calls/Feed', kind: 'server stream' },
      { method: '/test.Calls/Count', kind: 'server stream' },
    ]);
  });

  it('keeps what the grace function of the application throws, and goes on', async () => {
    const oops = new Error('oops');
    const test = await TestServer.start({
      streamGraceMs: () => {
        throw oops;
      },
    });
    const feed = test.client().feed({});
    const end = ended(feed);
    await message(feed);
    const stopped = test.beginStop(Date.now() + 200);
    expect(await end).toMatchObject({ code: status.UNAVAILABLE });
    expect(await within('the stop', stopped)).toEqual({ ...NOTHING, ended: 1, errors: [oops] });
  });

  it.each([undefined, null, {}, 'server'])('has no drainSignal() for %p', (bad) => {
    expect(() => drainSignal(bad as never)).toThrow(
      expect.objectContaining({ code: 'LASTCALL_GRPC_BAD_SERVER' }),
    );
  });

  it('lets handlers end their streams by drainSignal()', async () => {
    const test = await TestServer.start({ streamGraceMs: 20_000 });
    const signal = drainSignal(test.server);
    expect(signal).toBe(test.drain.drainSignal);
    signal.addEventListener('abort', () => test.service.gate.open());
    const count = test.client().count({ count: 2 });
    const end = ended(count);
    await message(count);
    expect(await test.stop()).toEqual({ ...NOTHING, drained: 1 });
    expect(await end).toMatchObject({ code: status.OK, messages: 2 });
  });

  it.each(['bindAsync()', 'bindAsync() with TLS', 'serve()', 'serve() with TLS'] as const)(
    'answers the first call on a connection that was accepted just before, by %s',
    async (way) => {
      const test = await TestServer.start({ way });
      const socket = await test.tcp();
      await test.settled(({ connections }) => connections === 1);
      const stopped = test.beginStop();
      await test.closed();
      const session = test.session(socket);
      expect(await unaryOver(session)).toBe('0');
      expect(await within('the stop', stopped)).toEqual({ ...NOTHING, drained: 1 });
    },
  );

  it('gives up a connection on which the handshake does not go on', async () => {
    const test = await TestServer.start({ way: 'bindAsync() with TLS' });
    const socket = await test.tcp();
    socket.write(Buffer.from([22, 3, 1, 2, 0]));
    await test.settled(({ connections }) => connections === 1);
    expect(await test.stop()).toEqual(NOTHING);
  });

  it('is not disturbed by grpc.max_connection_age_ms, whose GOAWAY would come second', async () => {
    const test = await TestServer.start({ server: { 'grpc.max_connection_age_ms': 300 } });
    const call = unary(test.client(), 'slow');
    await test.service.got('unary');
    const stopped = test.beginStop();
    await test.closed();
    // Longer than the age with its jitter of a tenth.
    await new Promise((done) => setTimeout(done, 500));
    test.service.gate.open();
    expect(await call).toMatchObject({ code: status.OK });
    expect(await within('the stop', stopped)).toEqual({ ...NOTHING, drained: 1 });
  });

  it('answers what is no gRPC at all, and closes it', async () => {
    const test = await TestServer.start();
    const session = test.session(await test.tcp());
    const stream = session.request({ ':path': '/', ':method': 'POST' }, { endStream: false });
    stream.on('error', () => {});
    const [headers] = await once(stream, 'response');
    expect(headers[':status']).toBe(415);
    expect(await test.stop()).toMatchObject({ cut: [] });
  });

  it('closes what is bound while it stops', async () => {
    const test = await TestServer.start();
    const call = unary(test.client(), 'slow');
    await test.service.got('unary');
    const port = new Promise<number>((resolve) => {
      test.server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) =>
        resolve(bound),
      );
    });
    const stopped = test.beginStop();
    const bound = await within('the bind', port);
    await test.closed();
    const socket = connect({ port: bound, host: '127.0.0.1' });
    const [error] = await once(socket, 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    test.service.gate.open();
    await call;
    await within('the stop', stopped);
  });

  it('drains a server that was attached while it was serving', async () => {
    const test = await TestServer.start();
    test.drain.detach();
    const client = test.client();
    const call = unary(client, 'slow');
    await test.service.got('unary');
    const drain = createGrpcDrain(test.server);
    expect(drain.counts()).toEqual({ connections: 1, calls: 1 });
    const hammer = new AbortController();
    const stopped = drain.stop({ signal: hammer.signal });
    hammer.abort();
    const { cut } = await within('the stop', stopped);
    expect(cut).toEqual([
      {
        method: undefined,
        kind: undefined,
        peer: PEER,
        ageMs: null,
        messagesSent: 0,
        state: 'waiting',
      },
    ]);
    expect(await call).toMatchObject({ code: status.UNAVAILABLE });
    drain.detach();
  });
});
