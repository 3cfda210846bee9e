import { createServer as createHttp } from 'node:http';
import * as http2 from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { createServer as createNet, Server as NetServer } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { drainSignal } from '../src/drain-signal';
import { createHttpDrain } from '../src/http-drain';
import type { HttpServer } from '../src/http-server';
import { Gate, turns, within } from './harness/deadline';
import {
  disposeServers,
  ended,
  type Handler,
  startServer,
  TestServer,
} from './harness/test-server';

afterEach(disposeServers);

const hello: Handler = (_req, res) => {
  res.end('hello');
};

function never(): AbortSignal {
  return new AbortController().signal;
}

function codeOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return 'nothing thrown';
}

describe('createHttpDrain()', () => {
  it.each<[string, () => HttpServer]>([
    ['http', () => createHttp()],
    ['https', () => createHttps()],
    ['h2c', () => http2.createServer()],
    ['h2', () => http2.createSecureServer()],
  ])('takes a server of %s', async (_kind, create) => {
    const server = create();
    const drain = createHttpDrain(server);
    expect(drain.connections()).toEqual({ new: 0, active: 0, idle: 0, hijacked: 0, closed: 0 });
    await expect(within('stop()', drain.stop({ signal: never() }))).resolves.toEqual({
      drained: 0,
      cut: [],
      errors: [],
    });
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a port', 8080],
    ['a function', () => {}],
    ['an object', { close() {} }],
    ['a server of node:net', createNet()],
    ['a server of node:tls', createTls()],
  ])('throws for %s', (_what, server) => {
    expect(codeOf(() => createHttpDrain(server as HttpServer))).toBe('LASTCALL_HTTP_BAD_SERVER');
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['lingerMs NaN', { lingerMs: Number.NaN }],
    ['lingerMs -1', { lingerMs: -1 }],
    ['lingerMs as a string', { lingerMs: '1s' }],
    ['rejectWith503 1', { rejectWith503: 1 }],
    ['onUpgradeDrain true', { onUpgradeDrain: true }],
    ['an unknown option', { linger: 5 }],
  ])('throws for the options %s', (_what, options) => {
    const server = createHttp();
    expect(codeOf(() => createHttpDrain(server, options as never))).toBe('LASTCALL_BAD_OPTION');
    expect(() => createHttpDrain(server)).not.toThrow();
  });

  it('throws when the server has a drain', () => {
    const server = createHttp();
    const drain = createHttpDrain(server);
    expect(codeOf(() => createHttpDrain(server))).toBe('LASTCALL_HTTP_ALREADY_ATTACHED');
    drain.detach();
    expect(() => createHttpDrain(server)).not.toThrow();
  });

  it('does nothing observable on the request path before wrapUp()', () => {
    const server = createHttp(hello);
    const before = server.listeners('request');
    createHttpDrain(server);
    expect(server.listeners('request')).toEqual(before);
    expect(Object.hasOwn(server, 'emit')).toBe(false);
    expect(server.listenerCount('upgrade') + server.listenerCount('connect')).toBe(0);
    expect(server.listenerCount('timeout')).toBe(0);
    expect(server.listenerCount('checkContinue')).toBe(0);
  });
});

describe('stop()', () => {
  it.each([undefined, {}, { signal: 'now' }])('throws without a signal: %j', (options) => {
    const drain = createHttpDrain(createHttp());
    expect(codeOf(() => drain.stop(options as never))).toBe('LASTCALL_BAD_OPTION');
  });

  it('settles when the server never listened', async () => {
    const drain = createHttpDrain(createHttp());
    await within('stop()', drain.stop({ signal: never() }));
  });

  it('closes a server that begins to listen during the stop, or after it', async () => {
    const server = ended(new TestServer('http', createHttp(hello)));
    await server.stop();
    const closed = new Promise((resolve) => server.server.once('close', resolve));
    server.server.listen(0, '127.0.0.1');
    await within('close', closed);
    expect(server.server.listening).toBe(false);
  });

  it('works with a close() that the app has overridden', async () => {
    const server = await startServer('http', hello, { lingerMs: 20 });
    server.server.close = () => {
      throw new Error('must not be called');
    };
    await server.idlePeer();
    await server.stop();
    expect(server.server.listening).toBe(false);
  });

  it('works when the app closes the server before', async () => {
    const gate = new Gate();
    const server = await startServer('http', async (_req, res) => {
      await gate.opened;
      res.end('hello');
    });
    const peer = (await server.peer()).get('/');
    await server.settled(({ active }) => active === 1);
    server.server.close();
    const stopped = server.beginStop();
    gate.open();
    await peer.got(/hello$/);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1 });
  });

  it('works when the app closes the server during it', async () => {
    const gate = new Gate();
    const server = await startServer('http', async (_req, res) => {
      await gate.opened;
      res.end('hello');
    });
    const peer = (await server.peer()).get('/');
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    const closed = new Promise<Error | undefined>((done) => server.server.close(done));
    await turns(10);
    gate.open();
    await peer.got(/hello$/);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1 });
    expect(await within('close()', closed)).toBeUndefined();
  });

  it('emits close on the server', async () => {
    const server = await startServer('http', hello, { lingerMs: 0 });
    await server.idlePeer();
    const closed = new Promise((resolve) => server.server.once('close', resolve));
    await server.stop();
    await within('close', closed);
  });
});

describe('connections()', () => {
  it('counts by the states of Go', async () => {
    const gate = new Gate();
    const server = await startServer('http', async (req, res) => {
      if (req.url !== '/') await gate.opened;
      res.end('hello');
    });
    server.server.on('upgrade', ((_req: unknown, socket: NodeJS.WritableStream) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    }) as never);
    await server.idlePeer();
    (await server.peer()).get('/slow');
    (await server.peer()).send('GET /half');
    await server.peer();
    (await server.peer()).send(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    );
    const gone = await server.idlePeer();
    gone.destroy();
    await server.settled(({ closed, hijacked }) => closed === 1 && hijacked === 1);
    await server.settled(({ active }) => active === 2);
    expect(server.drain.connections()).toEqual({
      new: 1,
      active: 2,
      idle: 1,
      hijacked: 1,
      closed: 1,
    });
    gate.open();
  });

  it('counts a response that is ended but not flushed as active', async () => {
    const server = await startServer('http', (_req, res) => void res.end(Buffer.alloc(16 << 20)));
    const peer = await server.peer();
    peer.socket.pause();
    peer.get('/');
    await server.settled(({ active }) => active === 1);
    await turns(20);
    expect(server.drain.connections()).toMatchObject({ active: 1, idle: 0 });
    peer.destroy();
  });

  it('counts a TLS connection as new until its first byte', async () => {
    const server = await startServer('https', hello);
    await server.tcpPeer();
    const peer = await server.peer();
    await server.settled((counts) => counts.new === 2);
    await peer.get('/').got(/hello$/);
    await server.settled((counts) => counts.new === 1 && counts.idle === 1);
  });

  it('counts sessions of HTTP/2', async () => {
    const gate = new Gate();
    const server = await startServer('h2', async (_req, res) => {
      await gate.opened;
      res.end();
    });
    const session = await server.session();
    expect(server.drain.connections()).toMatchObject({ new: 1 });
    const stream = session.request({ ':path': '/' }).resume();
    await server.settled(({ active }) => active === 1);
    gate.open();
    await within('the answer', new Promise((done) => stream.once('close', done)));
    await server.settled(({ idle }) => idle === 1);
    session.close();
    await server.settled(({ closed }) => closed === 1);
  });

  it.each(['http', 'https'] as const)(
    'knows connections older than the drain (%s)',
    async (kind) => {
      const first = await startServer(kind, hello, { lingerMs: 20 });
      const peer = await first.idlePeer();
      first.drain.detach();
      const second = ended(new TestServer(kind, first.server, { lingerMs: 20 }));
      expect(second.drain.connections()).toMatchObject({ idle: 1, closed: 0 });
      await second.stop();
      expect(await peer.ended()).toBe('end');
    },
  );
});

describe('drainSignal()', () => {
  it('is the same before and after the drain is created, and aborts when the stop begins', async () => {
    const server = createHttp();
    const signal = drainSignal(server);
    const drain = createHttpDrain(server);
    expect(drain.drainSignal).toBe(signal);
    expect(drainSignal(server)).toBe(signal);
    drain.wrapUp();
    expect(signal.aborted).toBe(false);
    const stopped = drain.stop({ signal: never() });
    expect(signal.aborted).toBe(true);
    await within('stop()', stopped);
  });

  it('takes many listeners without a warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    const signal = drainSignal(createHttp());
    for (let i = 0; i < 50; i++) signal.addEventListener('abort', () => i);
    await turns(2);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('of an app, which no drain would ever abort, is refused', () => {
    const app = Object.assign(() => {}, { listen: () => createHttp() });
    for (const wrong of [app, {}, null, undefined, createNet()])
      expect(codeOf(() => drainSignal(wrong as never))).toBe('LASTCALL_HTTP_BAD_SERVER');
  });

  it('is a new one for a new drain', async () => {
    const server = createHttp();
    const drain = createHttpDrain(server);
    await drain.stop({ signal: never() });
    drain.detach();
    expect(drainSignal(server).aborted).toBe(false);
  });
});

describe('two copies of the package', () => {
  function secondCopy(): typeof import('../src') {
    let copy: typeof import('../src') | undefined;
    jest.isolateModules(() => {
      copy = require('../src') as typeof import('../src');
    });
    if (copy === undefined) throw new Error('no copy');
    return copy;
  }

  it('have one drainSignal() per server', async () => {
    const other = secondCopy();
    const server = createHttp();
    const signal = other.drainSignal(server);
    const drain = createHttpDrain(server);
    expect(drain.drainSignal).toBe(signal);
    await within('stop()', drain.stop({ signal: never() }));
    expect(signal.aborted).toBe(true);
  });

  it('refuse to drain the same server twice, until it is detached', () => {
    const other = secondCopy();
    const server = createHttp();
    const drain = createHttpDrain(server);
    const again = () => other.createHttpDrain(server);
    expect(codeOf(again)).toBe('LASTCALL_HTTP_ALREADY_ATTACHED');
    drain.detach();
    expect(codeOf(again)).toBe('nothing thrown');
    drain.detach();
    expect(codeOf(again)).toBe('LASTCALL_HTTP_ALREADY_ATTACHED');
  });
});

describe('detach()', () => {
  it('removes every listener, before a drain and after one', async () => {
    const server = createHttp(hello);
    const own = () =>
      server
        .eventNames()
        .map((name) => [String(name), server.rawListeners(name)])
        .sort();
    const before = own();
    createHttpDrain(server).detach();
    expect(own()).toEqual(before);
    const drain = createHttpDrain(server);
    drain.wrapUp();
    await within('stop()', drain.stop({ signal: never() }));
    drain.detach();
    drain.detach();
    expect(own()).toEqual(before);
  });

  it('lets the server listen, and be drained, again', async () => {
    const first = await startServer('http', hello, { lingerMs: 0 });
    await first.stop();
    first.drain.detach();
    const second = ended(new TestServer('http', first.server, { lingerMs: 0 }));
    await second.listen();
    const peer = await second.peer();
    await peer.get('/').got(/hello$/);
    expect(peer.connectionHeaders).toEqual(['keep-alive']);
    await second.stop();
    expect(await peer.ended()).toBe('end');
  });

  it('waits for a stop that is under way', async () => {
    const gate = new Gate();
    const server = await startServer('http', async (_req, res) => {
      await gate.opened;
      res.end('hello');
    });
    const peer = (await server.peer()).get('/');
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    server.drain.detach();
    await server.refusing();
    gate.open();
    await peer.got(/hello$/);
    expect(peer.connectionHeaders).toEqual(['close']);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1 });
    await turns();
    expect(() => createHttpDrain(server.server)).not.toThrow();
  });

  it('leaves connections that are open alone', async () => {
    const server = await startServer('http', hello);
    const peer = await server.idlePeer();
    server.drain.detach();
    await peer.get('/').got(/hello$/);
    expect(peer.connectionHeaders).toEqual(['keep-alive']);
    NetServer.prototype.close.call(server.server);
  });
});
