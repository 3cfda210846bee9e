import type { IncomingMessage } from 'node:http';
import { type Duplex, PassThrough } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { HttpDrainOptions, UpgradedConnection } from '../src/http-drain-options';
import { turns, within } from './harness/deadline';
import type { Peer } from './harness/peer';
import { disposeServers, type Handler, startServer, type TestServer } from './harness/test-server';

afterEach(disposeServers);

const hello: Handler = (_req, res) => {
  res.end('hello');
};

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n';

/** A close frame with code 1001, the last a WebSocket client is to receive. */
const CLOSE_1001 = '\x88\x02\x03\xe9';
const GOING_AWAY = new RegExp(`${CLOSE_1001}$`);

/** Switches protocols, and ends when the client does. */
function accept(_req: IncomingMessage, socket: Duplex): void {
  socket.write(SWITCH);
  socket.resume().on('end', () => socket.end());
}

/** A server that hands upgrades and CONNECT over to `handOver`. */
async function upgrading(
  kind: 'http' | 'https',
  handOver: (req: IncomingMessage, socket: Duplex) => void,
  options?: HttpDrainOptions,
): Promise<TestServer> {
  const server = await startServer(kind, hello, options);
  server.server.on('upgrade', handOver as never);
  server.server.on('connect', handOver as never);
  return server;
}

async function upgradeTo(server: TestServer, protocol: string): Promise<Peer> {
  const peer = await server.peer();
  return peer.send(
    `GET /room?id=1 HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
  );
}

describe.each(['http', 'https'] as const)('upgraded connections of %s', (kind) => {
  it('are counted as hijacked, and their end as drained', async () => {
    const server = await upgrading(kind, accept);
    const peer = await upgradeTo(server, 'chat');
    await peer.got(/101 Switching/);
    expect(server.drain.connections()).toMatchObject({ hijacked: 1, idle: 0, active: 0 });
    const stopped = server.beginStop();
    await turns(10);
    expect(peer.ending).toBeUndefined();
    expect(peer.received).toBe(SWITCH);
    peer.destroy();
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('stay until the hammer, which lists them', async () => {
    const server = await upgrading(kind, accept);
    const peer = await upgradeTo(server, 'chat');
    await peer.got(/101 Switching/);
    const tunnel = (await server.peer()).send('CONNECT db:5432 HTTP/1.1\r\nHost: db\r\n\r\n');
    await tunnel.got(/101 Switching/);
    const stopped = server.beginStop();
    await turns(10);
    server.hammer();
    const { cut } = await within('stop()', stopped);
    const common = { ageMs: expect.any(Number), peer: expect.any(String), state: 'upgraded' };
    expect(cut).toEqual([
      { ...common, protocol: 'chat', method: 'GET', path: '/room?id=1' },
      { ...common, protocol: 'connect', method: 'CONNECT', path: 'db:5432' },
    ]);
    await peer.ended();
  });

  it('into which a proxy pipes are left alone: a close frame would land inside one of its frames', async () => {
    const upstream = new PassThrough();
    const server = await upgrading(kind, (_req, socket) => {
      socket.write(SWITCH);
      upstream.pipe(socket);
      socket.resume().on('end', () => socket.end());
    });
    const peer = await upgradeTo(server, 'websocket');
    await peer.got(/101 Switching/);
    const stopped = server.beginStop();
    await turns(10);
    upstream.write('half a fra');
    await peer.got(/half a fra$/);
    expect(peer.received).not.toContain(CLOSE_1001);
    peer.destroy();
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('of ws get close code 1001 and end by themselves', async () => {
    const server = await startServer(kind, hello);
    const sockets = new WebSocketServer({ server: server.server as never });
    const scheme = kind === 'http' ? 'ws' : 'wss';
    const { port } = server.target;
    const client = new WebSocket(`${scheme}://127.0.0.1:${port}/room`, {
      rejectUnauthorized: false,
    });
    server.owns({ destroy: () => client.terminate() });
    await within('the WebSocket', new Promise((open) => client.once('open', open)));
    const code = new Promise((closed) => client.once('close', closed));
    await expect(server.stop()).resolves.toMatchObject({ drained: 1, cut: [] });
    expect(await code).toBe(1001);
    sockets.close();
  });

  it('that are not answered yet are told after the answer', async () => {
    let answer = (): void => {};
    const server = await upgrading(kind, (req, socket) => {
      answer = () => accept(req, socket);
    });
    const peer = await upgradeTo(server, 'websocket');
    await server.settled(({ hijacked }) => hijacked === 1);
    const stopped = server.beginStop();
    await turns(10);
    expect(peer.received).toBe('');
    answer();
    await peer.got(GOING_AWAY);
    expect(peer.received).toBe(`${SWITCH}${CLOSE_1001}`);
    peer.destroy();
    await within('stop()', stopped);
  });

  it('that are upgraded during the stop are told, too', async () => {
    const server = await upgrading(kind, accept, {
      lingerMs: 60_000,
    });
    const peer = await server.idlePeer();
    const stopped = server.beginStop();
    await turns(10);
    peer.send('GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n');
    await peer.got(GOING_AWAY);
    peer.destroy();
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1 });
  });
});

describe('onUpgradeDrain', () => {
  it('gets each upgraded connection once', async () => {
    const told: UpgradedConnection[] = [];
    const server = await upgrading('http', accept, {
      onUpgradeDrain: (connection) => {
        told.push(connection);
        connection.socket.end('bye');
      },
    });
    const peer = await upgradeTo(server, 'websocket');
    await peer.got(/101 Switching/);
    const stopped = server.beginStop();
    await peer.got(/\r\n\r\nbye$/);
    peer.destroy();
    await within('stop()', stopped);
    expect(told).toEqual([
      { socket: expect.anything(), method: 'GET', path: '/room?id=1', protocol: 'websocket' },
    ]);
  });

  it('may fail: what it threw is in the result', async () => {
    let calls = 0;
    const server = await upgrading('http', accept, {
      onUpgradeDrain: async () => {
        throw new Error(`failure ${++calls}`);
      },
    });
    const peers = [await upgradeTo(server, 'chat'), await upgradeTo(server, 'chat')];
    for (const peer of peers) await peer.got(/101 Switching/);
    const stopped = server.beginStop();
    await turns(10);
    for (const peer of peers) peer.destroy();
    const { errors } = await within('stop()', stopped);
    expect(errors).toEqual([new Error('failure 1'), new Error('failure 2')]);
  });
});

describe('an app without upgrade listeners', () => {
  it('goes on answering an Upgrade as an ordinary request', async () => {
    const server = await startServer('http', hello);
    const peer = await upgradeTo(server, 'websocket');
    await peer.got(/hello$/);
    expect(server.server.listenerCount('upgrade')).toBe(0);
  });

  it('is recorded once it has one, and left alone when it takes it away', async () => {
    const server = await startServer('http', hello);
    server.server.once('upgrade', accept as never);
    expect(server.server.listenerCount('upgrade')).toBe(2);
    await (await upgradeTo(server, 'chat')).got(/101 Switching/);
    expect(server.drain.connections()).toMatchObject({ hijacked: 1 });
    expect(server.server.listenerCount('upgrade')).toBe(0);
    await (await upgradeTo(server, 'chat')).got(/hello$/);
  });
});
