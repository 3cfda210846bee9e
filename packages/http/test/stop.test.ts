import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drainSignal } from '../src/drain-signal';
import { Gate, turns, within } from './harness/deadline';
import { Peer } from './harness/peer';
import {
  createServer,
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

/** Answers `/` at once, everything else when the gate opens. */
function gated(gate: Gate): Handler {
  return async (req, res) => {
    if (req.url !== '/') await gate.opened;
    res.end(`answer to ${req.url}`);
  };
}

describe.each<Kind>(['http', 'https', 'h1 over h2'])('stop() of %s', (kind) => {
  it('ends an idle kept-alive connection with FIN after lingerMs', async () => {
    const server = await startServer(kind, hello, { lingerMs: 50 });
    const peer = await server.idlePeer();
    await expect(server.stop()).resolves.toEqual({ drained: 0, cut: [], errors: [] });
    expect(await peer.ended()).toBe('end');
    expect(server.drain.connections()).toMatchObject({ idle: 0, closed: 1 });
  });

  it('ends an idle connection at once with lingerMs 0', async () => {
    const server = await startServer(kind, hello, { lingerMs: 0 });
    const peer = await server.idlePeer();
    await server.stop();
    expect(await peer.ended()).toBe('end');
  });

  it('answers one more request on an idle connection, with Connection: close', async () => {
    const server = await startServer(kind, hello, { lingerMs: 60_000 });
    const peer = await server.idlePeer();
    const stopped = server.beginStop();
    await server.refusing();
    await peer.get('/late').got(/hello$/);
    expect(peer.connectionHeaders).toEqual(['close']);
    expect(await peer.ended()).toBe('end');
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('lets a request in flight finish, with Connection: close', async () => {
    const gate = new Gate();
    const server = await startServer(kind, gated(gate), { lingerMs: 60_000 });
    const peer = (await server.peer()).get('/slow');
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    await server.refusing();
    gate.open();
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
    expect(peer.received).toMatch(/answer to \/slow$/);
    expect(peer.connectionHeaders).toEqual(['close']);
    expect(await peer.ended()).toBe('end');
  });

  it('lets a response whose header is out finish, and serves its connection once more', async () => {
    const gate = new Gate();
    const server = await startServer(
      kind,
      async (req, res) => {
        res.write('first,');
        if (req.url === '/slow') await gate.opened;
        res.end('last');
      },
      { lingerMs: 60_000 },
    );
    const peer = await server.peer();
    await peer.get('/slow').got(/first,/);
    const stopped = server.beginStop();
    await server.refusing();
    gate.open();
    await peer.got(/last\r\n0\r\n\r\n$/);
    await peer.get('/late').got(/last\r\n0\r\n\r\n.*last\r\n0\r\n\r\n$/s);
    expect(peer.connectionHeaders).toEqual(['keep-alive', 'close']);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 2 });
  });

  it('closes a connection that has not sent a byte after lingerMs, uncounted', async () => {
    const server = await startServer(kind, hello, { lingerMs: 50 });
    const peer = await server.peer();
    await server.settled((counts) => counts.new === 1);
    await expect(server.stop()).resolves.toEqual({ drained: 0, cut: [], errors: [] });
    expect(await peer.ended()).toBe('end');
  });

  it('serves a connection whose first request comes during the stop', async () => {
    const server = await startServer(kind, hello, { lingerMs: 60_000 });
    const peer = await server.peer();
    await server.settled((counts) => counts.new === 1);
    const stopped = server.beginStop();
    await server.refusing();
    await peer.get('/').got(/hello$/);
    expect(peer.connectionHeaders).toEqual(['close']);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1 });
  });

  it('waits for a request whose headers are half read', async () => {
    const server = await startServer(kind, hello, { lingerMs: 0 });
    const peer = (await server.peer()).send('GET / HTTP/1.1\r\nHo');
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    await server.refusing();
    await peer.send('st: test\r\n\r\n').got(/hello$/);
    expect(peer.connectionHeaders).toEqual(['close']);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('waits for half-read headers on a kept-alive connection, too', async () => {
    const server = await startServer(kind, hello, { lingerMs: 0 });
    const peer = (await server.idlePeer()).send('GET /');
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    await turns(20);
    await peer.send(' HTTP/1.1\r\nHost: test\r\n\r\n').got(/hello$/);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('waits for a body that is being uploaded', async () => {
    const server = await startServer(
      kind,
      async (req, res) => {
        let size = 0;
        for await (const chunk of req) size += chunk.length;
        res.end(`got ${size}`);
      },
      { lingerMs: 0 },
    );
    const peer = await server.peer();
    peer.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345');
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    await server.refusing();
    await peer.send('67890').got(/got 10$/);
    expect(peer.connectionHeaders).toEqual(['close']);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('reads on after an answer that came before the end of the upload', async () => {
    const server = await startServer(kind, (_req, res) => void res.writeHead(401).end('no'), {
      lingerMs: 0,
    });
    const peer = await server.peer({ allowHalfOpen: true });
    const stopped = server.beginStop();
    await server.refusing();
    peer.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n12345');
    await peer.got(/no/);
    expect(peer.connectionHeaders).toEqual(['close']);
    for (let i = 0; i < 10; i++) {
      await new Promise((sent) => peer.socket.write('x'.repeat(100_000), sent));
      await turns(3);
    }
    expect(await peer.ended()).toBe('end');
    peer.destroy();
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('completes an Expect: 100-continue', async () => {
    const server = await startServer(
      kind,
      async (req, res) => {
        for await (const _ of req);
        res.end('thanks');
      },
      { lingerMs: 60_000 },
    );
    const peer = await server.peer();
    const stopped = server.beginStop();
    await server.refusing();
    const headers = 'Host: test\r\nContent-Length: 4\r\nExpect: 100-continue';
    await peer.send(`POST / HTTP/1.1\r\n${headers}\r\n\r\n`).got(/100 Continue/);
    await peer.send('body').got(/thanks$/);
    expect(peer.connectionHeaders).toEqual(['close']);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1 });
  });

  it('cuts an endless response at the hammer and lists it', async () => {
    const server = await startServer(kind, (_req, res) => void res.write('endless'));
    const peer = await server.peer();
    await peer.get('/endless?x=1').got(/endless/);
    const stopped = server.beginStop();
    await turns(10);
    server.hammer();
    const { drained, cut } = await within('stop()', stopped);
    expect(drained).toBe(0);
    expect(cut).toEqual([
      {
        protocol: 'http/1.1',
        method: 'GET',
        path: '/endless?x=1',
        ageMs: expect.any(Number),
        ageAtLeast: true,
        peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        state: 'responding',
      },
    ]);
    await peer.ended();
  });

  it('lets server-sent events end by the drainSignal', async () => {
    const server = await startServer(
      kind,
      (_req, res) => {
        res.write('data: 1\n\n');
        drainSignal(server.server).addEventListener('abort', () => res.end('data: bye\n\n'));
      },
      { lingerMs: 0 },
    );
    const peer = await server.peer();
    await peer.get('/events').got(/data: 1/);
    await expect(server.stop()).resolves.toMatchObject({ drained: 1, cut: [] });
    expect(peer.received).toMatch(/data: bye/);
  });

  it('ends the connection of a client that keeps sending', async () => {
    const server = await startServer(kind, hello, { lingerMs: 60_000 });
    const peer = await server.idlePeer();
    const stopped = server.beginStop();
    await server.refusing();
    while (peer.ending === undefined && peer.responses < 100) {
      const before = peer.responses;
      peer.get('/');
      await Promise.race([peer.got(new RegExp(`(?:hello.*){${before + 1}}`, 's')), peer.ended()]);
      await turns(2);
    }
    expect(peer.connectionHeaders).toEqual(['close']);
    await within('stop()', stopped);
  });

  it('sends a response of 8 MB whole to a slow client that has been ended already', async () => {
    const body = Buffer.alloc(8 << 20, 'x');
    let response: ServerResponse | undefined;
    const server = await startServer(
      kind,
      (_req, res) => {
        response = res;
        res.writeHead(200, { 'Content-Length': body.length });
        res.end(body);
      },
      { lingerMs: 0 },
    );
    const peer = await server.peer();
    peer.socket.pause();
    peer.get('/big');
    await server.settled(() => response?.writableEnded === true);
    expect(response?.writableFinished).toBe(false);
    const stopped = server.beginStop();
    await turns(50);
    peer.socket.resume();
    expect(await peer.ended()).toBe('end');
    expect(peer.received.length).toBeGreaterThan(body.length);
    expect(peer.received.endsWith('x'.repeat(1000))).toBe(true);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('answers 50 requests that are sent in the tick in which the stop begins', async () => {
    const server = await startServer(kind, hello, { lingerMs: 0 });
    const peers = await Promise.all(Array.from({ length: 50 }, () => server.idlePeer()));
    for (const peer of peers) peer.get('/');
    const stopped = server.beginStop();
    await Promise.all(peers.map((peer) => peer.got(/hello$/)));
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 50, cut: [] });
  });

  it('answers what reaches the kernel in the tick in which an idle connection is to be closed', async () => {
    const server = await startServer(kind, hello, { lingerMs: 20 });
    const peers = await Promise.all(Array.from({ length: 20 }, () => server.idlePeer()));
    const stopped = server.beginStop();
    await new Promise((resolve) => setTimeout(resolve, 15));
    const blockedUntil = performance.now() + 30;
    for (const peer of peers) peer.get('/');
    while (performance.now() < blockedUntil);
    await Promise.all(peers.map((peer) => peer.got(/hello$/)));
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 20, cut: [] });
  });

  it('drains with keepAliveTimeout 0', async () => {
    const server = await startServer(kind, hello, { lingerMs: 20 });
    Object.assign(server.server, { keepAliveTimeout: 0 });
    const peer = await server.idlePeer();
    await server.stop();
    expect(await peer.ended()).toBe('end');
  });

  it('accepts the connections that the kernel holds before it closes the listener', async () => {
    const server = await startServer(kind, hello, { lingerMs: 1000 });
    // Not more: with both ends of 100 TLS handshakes a starved machine is busy for longer than the listener may stay open.
    const connecting = Array.from({ length: 30 }, () => server.peer());
    // The client side connects in the next tick; the server has then accepted none of them.
    await new Promise((resolve) => process.nextTick(resolve));
    const stopped = server.beginStop();
    const peers = await Promise.all(connecting);
    await Promise.all(peers.map((peer) => peer.get('/').got(/hello$/)));
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 30, cut: [] });
  });

  it('refuses new connections', async () => {
    const gate = new Gate();
    const server = await startServer(kind, gated(gate));
    (await server.peer()).get('/slow');
    await server.settled(({ active }) => active === 1);
    const { target } = server;
    const stopped = server.beginStop();
    await server.settled(() => !server.server.listening);
    const late = server.owns(new Peer(connect(target)));
    expect(await late.ended()).toBe('ECONNREFUSED');
    gate.open();
    await within('stop()', stopped);
  });

  it('lists what the hammer cut, and closes what was idle or silent', async () => {
    const gate = new Gate();
    const server = await startServer(kind, gated(gate));
    await server.idlePeer();
    await server.peer();
    (await server.peer()).send('GET / HTTP/1.1\r\nHo');
    (await server.peer()).get('/waiting');
    const upload = await server.peer();
    upload.send('POST /up HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345');
    await server.settled((counts) => counts.new === 1 && counts.active === 3 && counts.idle === 1);
    const stopped = server.beginStop();
    await turns(10);
    server.hammer();
    const { cut } = await within('stop()', stopped);
    expect(cut.map(({ method, path, state }) => `${method} ${path} ${state}`).sort()).toEqual([
      'GET /waiting waiting',
      'POST /up uploading',
      'undefined undefined half-read headers',
    ]);
    await server.settled(({ closed }) => closed === 5);
    gate.open();
  });

  it('knows the age of what has begun during the drain, and a least age of what is older', async () => {
    const server = await startServer(kind, () => {});
    (await server.peer()).get('/before');
    const upload = await server.peer();
    upload.send('POST /up HTTP/1.1\r\nHo');
    await server.settled(({ active }) => active === 2);
    server.drain.wrapUp();
    (await server.peer()).get('/during');
    await server.settled(({ active }) => active === 3);
    server.hammer();
    const { cut } = await server.stop();
    const ages = cut.map(({ path, ageAtLeast }) => `${path} ${ageAtLeast ?? 'exact'}`);
    expect(ages.sort()).toEqual(['/before true', '/during exact', 'undefined true']);
  });

  it('hammers at once when the signal has aborted already', async () => {
    const gate = new Gate();
    const server = await startServer(kind, gated(gate));
    (await server.peer()).get('/slow');
    await server.settled(({ active }) => active === 1);
    server.hammer();
    const { cut } = await server.stop();
    expect(cut).toMatchObject([{ path: '/slow', state: 'waiting' }]);
    expect(server.server.listening).toBe(false);
    gate.open();
  });

  it('does not wait for a peer that never closes after our FIN', async () => {
    const server = await startServer(kind, hello, { lingerMs: 0 });
    const peer = await server.idlePeer({ allowHalfOpen: true });
    await server.stop();
    expect(await peer.ended()).toBe('end');
    expect(server.drain.connections()).toMatchObject({ idle: 0, closed: 1 });
  });
});

describe.each<Kind>(['http', 'https'])('pipelining on %s', (kind) => {
  it('answers three slow requests, the last known one with Connection: close', async () => {
    const gate = new Gate();
    const server = await startServer(kind, gated(gate), { lingerMs: 60_000 });
    const peer = await server.idlePeer();
    server.drain.wrapUp();
    peer.get('/1', '/2', '/3');
    await server.settled(({ active }) => active === 1);
    await turns(5);
    const stopped = server.beginStop();
    await server.refusing();
    gate.open();
    await peer.got(/answer to \/1.*answer to \/2.*answer to \/3$/s);
    expect(peer.connectionHeaders).toEqual(['keep-alive', 'keep-alive', 'close']);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 3 });
  });

  it('answers three requests of one packet to a handler that answers at once', async () => {
    const server = await startServer(kind, hello, { lingerMs: 60_000 });
    const peer = await server.idlePeer();
    const stopped = server.beginStop();
    await server.refusing();
    await peer.get('/1', '/2', '/3').got(/(?:hello.*){3}/s);
    expect(peer.connectionHeaders).toEqual(['keep-alive', 'keep-alive', 'close']);
    expect(await peer.ended()).toBe('end');
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 3 });
  });

  it('answers slow and fast ones mixed, in order', async () => {
    const gate = new Gate();
    const server = await startServer(kind, gated(gate), { lingerMs: 60_000 });
    const peer = await server.idlePeer();
    server.drain.wrapUp();
    peer.get('/slow', '/', '/');
    await server.settled(({ active }) => active === 1);
    await turns(5);
    const stopped = server.beginStop();
    await server.refusing();
    gate.open();
    await peer.got(/answer to \/slow.*answer to \/.*answer to \/$/s);
    expect(peer.connectionHeaders).toEqual(['keep-alive', 'keep-alive', 'close']);
    await within('stop()', stopped);
  });

  it('answers what was pipelined before the drain began', async () => {
    const gate = new Gate();
    const server = await startServer(kind, gated(gate), { lingerMs: 20 });
    const peer = await server.idlePeer();
    peer.get('/1', '/', '/3');
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    await turns(5);
    gate.open();
    await peer.got(/answer to \/1.*answer to \/.*answer to \/3$/s);
    expect(await peer.ended()).toBe('end');
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 3 });
  });

  it('lists pipelined requests that the hammer cut', async () => {
    const gate = new Gate();
    const server = await startServer(kind, gated(gate));
    const peer = await server.idlePeer();
    peer.get('/1', '/2');
    await server.settled(({ active }) => active === 1);
    await turns(5);
    const stopped = server.beginStop();
    server.hammer();
    const { cut } = await within('stop()', stopped);
    expect(cut.map(({ path }) => path)).toEqual(['/1', '/2']);
    gate.open();
  });

  it('does not run the app for a request behind an announced close', async () => {
    const paths: string[] = [];
    const gate = new Gate();
    const server = await startServer(
      kind,
      async (req, res) => {
        paths.push(String(req.url));
        res.write('first');
        if (req.url === '/1') await gate.opened;
        res.end('last');
      },
      { lingerMs: 0 },
    );
    const peer = await server.idlePeer();
    const stopped = server.beginStop();
    await peer.get('/1').got(/first/);
    peer.get('/2');
    await turns(20);
    gate.open();
    await within('stop()', stopped);
    expect(paths).toEqual(['/', '/1']);
    expect(peer.responses).toBe(1);
    expect(await peer.ended()).toBe('end');
  });
});

describe('stop() of https', () => {
  it('closes a connection whose TLS handshake has not begun', async () => {
    const server = await startServer('https', hello, { lingerMs: 20 });
    const peer = await server.tcpPeer();
    await server.settled((counts) => counts.new === 1);
    await expect(server.stop()).resolves.toEqual({ drained: 0, cut: [], errors: [] });
    await peer.ended();
  });

  it('closes a connection whose TLS handshake is half done at the hammer', async () => {
    const server = await startServer('https', hello, { lingerMs: 60_000 });
    const peer = (await server.tcpPeer()).send('\x16\x03');
    await server.settled((counts) => counts.new === 1);
    const stopped = server.beginStop();
    await turns(5);
    server.hammer();
    await expect(within('stop()', stopped)).resolves.toEqual({ drained: 0, cut: [], errors: [] });
    await peer.ended();
  });
});

describe('stop()', () => {
  it('takes a lingerMs of its own', async () => {
    const server = await startServer('http', hello, { lingerMs: 0 });
    const peer = await server.idlePeer();
    const { signal } = new AbortController();
    const stopped = server.drain.stop({ signal, lingerMs: 60_000 });
    await server.refusing();
    await peer.get('/late').got(/hello$/);
    expect(peer.connectionHeaders).toEqual(['close']);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
    expect(() => server.drain.stop({ signal, lingerMs: -1 })).toThrow(
      expect.objectContaining({ code: 'LASTCALL_BAD_OPTION' }),
    );
  });

  it('returns the same promise when called again', async () => {
    const server = await startServer('http', hello);
    const stopped = server.beginStop();
    expect(server.beginStop()).toBe(stopped);
    await within('stop()', stopped);
    expect(server.beginStop()).toBe(stopped);
  });

  it('lets any of the signals it was given cut', async () => {
    const gate = new Gate();
    const server = await startServer('http', gated(gate));
    (await server.peer()).get('/slow');
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    const other = new AbortController();
    void server.drain.stop({ signal: other.signal });
    other.abort();
    await expect(within('stop()', stopped)).resolves.toMatchObject({ cut: [{ path: '/slow' }] });
    gate.open();
  });

  it('drains a server on a unix socket', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'lastcall-http-'));
    const gate = new Gate();
    const server = ended(new TestServer('http', createServer('http')));
    server.server.on('request', gated(gate) as never);
    await server.listen(join(directory, 'web.sock'));
    const peer = (await server.peer()).get('/slow');
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    await server.refusing();
    gate.open();
    await peer.got(/answer to \/slow$/);
    expect(peer.connectionHeaders).toEqual(['close']);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1 });
    rmSync(directory, { recursive: true });
  });

  it('names a client on a unix socket in what it cut', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'lastcall-http-'));
    const server = ended(new TestServer('http', createServer('http')));
    server.server.on('request', (() => {}) as never);
    await server.listen(join(directory, 'web.sock'));
    (await server.peer()).get('/stuck');
    await server.settled(({ active }) => active === 1);
    server.hammer();
    await expect(server.stop()).resolves.toMatchObject({ cut: [{ path: '/stuck', peer: 'unix' }] });
    rmSync(directory, { recursive: true });
  });

  it('closes a silent connection once it has been silent for 5 s, however long lingerMs is', async () => {
    const server = await startServer('http', hello, { lingerMs: 60_000 });
    const peer = await server.peer();
    await server.settled((counts) => counts.new === 1);
    const now = performance.now;
    performance.now = () => now.call(performance) + 5_000;
    try {
      await server.stop();
    } finally {
      performance.now = now;
    }
    expect(await peer.ended()).toBe('end');
  });

  it('serves a request that is on its way on a new connection, however short lingerMs is', async () => {
    const server = await startServer('http', hello, { lingerMs: 0 });
    const peer = await server.peer();
    await server.settled((counts) => counts.new === 1);
    const stopped = server.beginStop();
    await turns(10);
    await peer.get('/').got(/hello$/);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('gives a connection that was accepted late in the stop its time from then on', async () => {
    const server = await startServer('http', hello, { lingerMs: 0 });
    // The kernel has it now; the server accepts it in the stop, and after the time of those that were there before.
    const connecting = server.peer();
    const stopped = server.beginStop();
    const now = performance.now;
    performance.now = () => now.call(performance) + 1_000;
    try {
      const peer = await connecting;
      await server.settled((counts) => counts.new === 1);
      for (let round = 0; round < 10; round += 1) await new Promise((next) => setTimeout(next, 0));
      await peer.get('/').got(/hello$/);
      await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
    } finally {
      performance.now = now;
    }
  });
});
