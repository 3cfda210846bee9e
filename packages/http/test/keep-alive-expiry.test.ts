import type { Socket } from 'node:net';
import { turns, within } from './harness/deadline';
import { disposeServers, type Handler, type Kind, startServer } from './harness/test-server';

afterEach(disposeServers);

const hello: Handler = (_req, res) => {
  res.end('hello');
};

/** Makes keep-alive connections of `server` expire in a moment. */
function expireSoon(server: object): void {
  Object.assign(server, { keepAliveTimeout: 1, keepAliveTimeoutBuffer: 0 });
}

describe.each<Kind>(['http', 'https', 'h1 over h2'])(
  'keep-alive expiry of %s after wrapUp()',
  (kind) => {
    it('ends the connection with FIN', async () => {
      const server = await startServer(kind, hello);
      expireSoon(server.server);
      const peer = await server.idlePeer();
      server.drain.wrapUp();
      expect(await peer.ended()).toBe('end');
    });

    it('answers a request that the kernel has at that moment', async () => {
      const server = await startServer(kind, hello);
      const sockets: Socket[] = [];
      const event = kind === 'http' ? 'connection' : 'secureConnection';
      server.server.on(event, (socket: Socket) => sockets.push(socket));
      const peers = await Promise.all(Array.from({ length: 10 }, () => server.idlePeer()));
      server.drain.wrapUp();
      for (const peer of peers) peer.get('/');
      for (const socket of sockets) socket.emit('timeout');
      await Promise.all(peers.map((peer) => peer.got(/hello$/)));
      for (const peer of peers) expect(peer.connectionHeaders).toEqual(['close']);
    });
  },
);

describe('server.timeout after wrapUp()', () => {
  it('still destroys a connection in the middle of a request', async () => {
    const server = await startServer('http', () => {});
    Object.assign(server.server, { timeout: 20 });
    const peer = (await server.peer()).get('/');
    await server.settled(({ active }) => active === 1);
    server.drain.wrapUp();
    await peer.ended();
    expect(peer.received).toBe('');
  });

  it('still destroys a connection that has sent half of its headers', async () => {
    const server = await startServer('http', hello);
    Object.assign(server.server, { timeout: 20 });
    const peer = (await server.peer()).send('GET / HTTP/1.1\r\nHost: test\r\n');
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    await peer.ended();
    expect(await within('stop()', stopped)).toMatchObject({ drained: 0, cut: [] });
  });

  it('is left to an app that listens for it on the server', async () => {
    const server = await startServer('http', () => {});
    Object.assign(server.server, { timeout: 20 });
    const timedOut = new Promise((resolve) => server.server.once('timeout', resolve));
    server.server.on('timeout', () => {});
    const peer = (await server.peer()).get('/');
    await server.settled(({ active }) => active === 1);
    server.drain.wrapUp();
    await within('timeout', timedOut);
    await turns(5);
    expect(peer.ending).toBeUndefined();
  });

  it('is left to an app that listens for it on the response', async () => {
    let timedOut = (): void => {};
    const seen = new Promise<void>((resolve) => {
      timedOut = resolve;
    });
    const server = await startServer('http', (_req, res) => {
      res.setTimeout(20, () => timedOut());
    });
    const peer = (await server.peer()).get('/');
    await server.settled(({ active }) => active === 1);
    server.drain.wrapUp();
    await within('timeout', seen);
    await turns(5);
    expect(peer.ending).toBeUndefined();
  });

  it('still destroys an HTTP/2 session', async () => {
    const server = await startServer('h2c', () => {});
    Object.assign(server.server, { timeout: 20 });
    const session = await server.session();
    const over = new Promise((resolve) => session.once('close', resolve));
    server.drain.wrapUp();
    await within('the end of the session', over);
  });
});
