import { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Gate, within } from './harness/deadline';
import {
  disposeServers,
  ended,
  type Handler,
  type Kind,
  startServer,
  TestServer,
} from './harness/test-server';

afterEach(disposeServers);

const hello: Handler = (_req, res) => {
  res.end('hello');
};

describe.each<Kind>(['http', 'https', 'h1 over h2'])('rejectWith503 of %s', (kind) => {
  it('refuses requests that arrive during the stop without the app', async () => {
    const paths: (string | undefined)[] = [];
    const gate = new Gate();
    const server = await startServer(
      kind,
      async (req, res) => {
        paths.push(req.url);
        if (req.url === '/slow') await gate.opened;
        res.end('hello');
      },
      { lingerMs: 60_000, rejectWith503: true },
    );
    const idle = await server.idlePeer();
    const slow = (await server.peer()).get('/slow');
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    await server.refusing();
    await idle.get('/late').got(/\r\n\r\n/);
    expect(idle.received).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
    expect(idle.received).toMatch(/^Retry-After: 1\r$/im);
    expect(idle.connectionHeaders).toEqual(['close']);
    expect(await idle.ended()).toBe('end');
    gate.open();
    await slow.got(/hello$/);
    expect(paths).toEqual(['/', '/slow']);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('serves until the stop begins', async () => {
    const server = await startServer(kind, hello, { rejectWith503: true });
    server.drain.wrapUp();
    const peer = await server.peer();
    await peer.get('/').got(/hello$/);
  });

  it('answers every pipelined request', async () => {
    const server = await startServer(kind, hello, { lingerMs: 60_000, rejectWith503: true });
    const peer = await server.idlePeer();
    const stopped = server.beginStop();
    await server.refusing();
    await peer.get('/1', '/2', '/3').got(/(?:503 .*){3}/s);
    expect(peer.connectionHeaders).toEqual(['keep-alive', 'keep-alive', 'close']);
    await within('stop()', stopped);
  });

  it('refuses an upgrade', async () => {
    const server = await startServer(kind, hello, { lingerMs: 60_000, rejectWith503: true });
    const upgrades: unknown[] = [];
    server.server.on('upgrade', (() => upgrades.push(1)) as never);
    const peer = await server.idlePeer();
    const stopped = server.beginStop();
    peer.send('GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await peer.got(/503 Service Unavailable/);
    expect(await peer.ended()).toBe('end');
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 0, cut: [] });
    expect(upgrades).toEqual([]);
  });

  it('refuses an expectation instead of asking for the body', async () => {
    const server = await startServer(kind, hello, { lingerMs: 60_000, rejectWith503: true });
    server.server.on('checkContinue', ((_req: unknown, res: ServerResponse) => {
      res.writeContinue();
    }) as never);
    const peer = await server.idlePeer();
    const stopped = server.beginStop();
    peer.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
    await peer.got(/\r\n\r\n/);
    expect(peer.received).toMatch(/^HTTP\/1\.1 503/);
    await within('stop()', stopped);
  });
});

describe('the gate', () => {
  it('passes Expect: 100-continue to an app that handles it', async () => {
    const server = await startServer('http', hello, { lingerMs: 60_000 });
    server.server.on('checkContinue', ((req: IncomingMessage, res: ServerResponse) => {
      res.writeContinue();
      req.resume().on('end', () => res.end('checked'));
    }) as never);
    const peer = await server.idlePeer();
    const stopped = server.beginStop();
    await server.refusing();
    peer.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
    await peer.got(/100 Continue/);
    await peer.send('body').got(/checked$/);
    expect(peer.connectionHeaders).toEqual(['close']);
    await within('stop()', stopped);
  });

  it('passes other expectations to an app that handles them', async () => {
    const server = await startServer('http', hello, { lingerMs: 60_000 });
    server.server.on('checkExpectation', ((_req: unknown, res: ServerResponse) => {
      res.end('as expected');
    }) as never);
    const peer = await server.idlePeer();
    const stopped = server.beginStop();
    await peer.send('GET / HTTP/1.1\r\nHost: test\r\nExpect: tea\r\n\r\n').got(/as expected$/);
    await within('stop()', stopped);
  });

  it('passes an upgrade during the stop, and CONNECT', async () => {
    const server = await startServer('http', hello, { lingerMs: 60_000 });
    const handOver = (req: IncomingMessage, socket: Duplex) => {
      socket.end(`HTTP/1.1 200 OK\r\n\r\n${req.method} taken`);
    };
    server.server.on('upgrade', handOver as never);
    server.server.on('connect', handOver as never);
    const [upgrading, connecting] = [await server.idlePeer(), await server.idlePeer()];
    const stopped = server.beginStop();
    upgrading.send('GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    connecting.send('CONNECT a:1 HTTP/1.1\r\nHost: test\r\n\r\n');
    await upgrading.got(/GET taken$/);
    await connecting.got(/CONNECT taken$/);
    upgrading.destroy();
    connecting.destroy();
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 2 });
  });

  it('calls every listener, with the server as this, and a once listener once', async () => {
    const server = await startServer('http', hello, { lingerMs: 60_000 });
    const calls: string[] = [];
    server.server.on('request', function (this: unknown) {
      calls.push(`on ${this === server.server}`);
    } as never);
    server.server.once('request', () => calls.push('once'));
    server.drain.wrapUp();
    for (let i = 0; i < 2; i++) await (await server.peer()).get('/').got(/hello$/);
    expect(calls).toEqual(['on true', 'once', 'on true']);
  });

  it('stands in front of a handler that the app puts in place during the drain', async () => {
    const server = await startServer('http', hello, { lingerMs: 60_000 });
    const peer = await server.idlePeer();
    server.drain.wrapUp();
    server.server.removeAllListeners('request');
    const sorry = ((_: IncomingMessage, res: ServerResponse) => {
      res.writeHead(503).end('sorry');
    }) as never;
    server.server.on('request', sorry);
    const stopped = server.beginStop();
    await server.refusing();
    await peer.get('/').got(/503 [\s\S]*sorry/);
    expect(peer.connectionHeaders.at(-1)).toBe('close');
    expect(await peer.ended()).toBe('end');
    expect(await stopped).toMatchObject({ drained: 1, cut: [] });
    server.drain.detach();
    expect(server.server.listeners('request')).toEqual([sorry]);
  });

  it('is not in the way of one that calls those that it found, as that of engine.io', async () => {
    let calls = 0;
    const counting = (_: IncomingMessage, res: ServerResponse) => {
      calls += 1;
      res.end('hello');
    };
    const server = await startServer('http', counting, { lingerMs: 60_000 });
    const peer = await server.idlePeer();
    expect(calls).toBe(1);
    server.drain.wrapUp();
    const found = server.server.listeners('request');
    server.server.removeAllListeners('request');
    server.server.on('request', ((...args: unknown[]) => {
      for (const listener of found) listener.apply(server.server, args);
    }) as never);
    const stopped = server.beginStop();
    await server.refusing();
    await peer.get('/').got(/hello$/);
    expect(peer.connectionHeaders.at(-1)).toBe('close');
    expect(await stopped).toMatchObject({ drained: 1, cut: [] });
    expect(calls).toBe(2);
  });

  it('gives the listeners back on detach()', async () => {
    const server = createServer(hello);
    const other = () => {};
    server.on('upgrade', other);
    const before = server.eventNames().map((name) => [name, server.rawListeners(name)]);
    const test = ended(new TestServer('http', server));
    await test.listen();
    test.drain.wrapUp();
    expect(server.listeners('request')).not.toContain(hello);
    test.drain.detach();
    for (const [name, listeners] of before) {
      expect(server.rawListeners(name as string)).toEqual(listeners);
    }
    expect(Object.hasOwn(server, 'closeIdleConnections')).toBe(false);
    const peer = await test.peer();
    await peer.get('/').got(/hello$/);
    expect(peer.connectionHeaders).toEqual(['keep-alive']);
    test.drain.wrapUp();
  });

  it('hands rejections of async listeners to the server, if it captures them', async () => {
    EventEmitter.captureRejections = true;
    const http = createServer(async () => {
      throw new Error('no answer');
    });
    EventEmitter.captureRejections = false;
    const server = ended(new TestServer('http', http));
    await server.listen();
    server.drain.wrapUp();
    const peer = await server.peer();
    await peer.get('/').got(/500 Internal Server Error/);
  });
});
