import { EventEmitter, once } from 'node:events';
import * as http from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import { connect, Server as NetServer, type Socket } from 'node:net';
import {
  capturesRejections,
  checkRequestTimesEvery,
  closeListeningHandle,
  compatRequest,
  currentResponse,
  http1Sockets,
  http2Sessions,
  keepOpenAfter,
  keepsHttp1Sockets,
  latestRequest,
  openStreams,
  socketsMidMessage,
  speaksHttp1,
  tcpSocketOf,
  transportOf,
  unwrittenBytes,
} from '../src/node-internals';
import { Gate, turns, within } from './harness/deadline';
import { disposeServers, startServer, type TestServer } from './harness/test-server';

// One test per undocumented field: a Node release that drops one must fail here.

afterEach(disposeServers);

/** The socket (for HTTPS the TLS socket) of the next connection of `server`. */
function nextSocket(server: TestServer): Promise<Socket> {
  const event = server.kind === 'http' || server.kind === 'h2c' ? 'connection' : 'secureConnection';
  return new Promise((resolve) => server.server.once(event, resolve));
}

async function connected(
  server: TestServer,
): Promise<[socket: Socket, ReturnType<TestServer['peer']>]> {
  const socket = nextSocket(server);
  const peer = server.peer();
  return [await within('the connection', socket), peer];
}

describe.each(['http', 'https', 'h1 over h2'] as const)('what Node %s keeps', (kind) => {
  it('socket.parser is there while HTTP/1 is spoken, and gone after CONNECT', async () => {
    const server = await startServer(kind, (_req, res) => void res.end());
    const handedOver = new Promise<Socket>((resolve) => {
      server.server.on('connect', ((_req: unknown, socket: Socket) => resolve(socket)) as never);
    });
    const [socket, peer] = await connected(server);
    expect(speaksHttp1(socket)).toBe(true);
    (await peer).send('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await handedOver).toBe(socket);
    expect(speaksHttp1(socket)).toBe(false);
  });

  it('connectionsCheckingInterval is read by a listener of its own, which can be called again', async () => {
    const server = await startServer(kind, (_req, res) => void res.end());
    Object.assign(server.server, { headersTimeout: 50, requestTimeout: 50 });
    checkRequestTimesEvery(server.server, 50);
    const peer = await server.peer();
    peer.send('GET / HTTP/1.1\r\nHost: a\r\n');
    await peer.got(/^HTTP\/1.1 408 /);
  });

  it('socket._httpMessage is the response until its last byte is written', async () => {
    let response: http.ServerResponse | undefined;
    const body = Buffer.alloc(8 << 20);
    const server = await startServer(kind, (_req, res) => {
      response = res.end(body);
    });
    const [socket, connecting] = await connected(server);
    expect(currentResponse(socket)).toBeUndefined();
    const peer = await connecting;
    peer.socket.pause();
    peer.get('/');
    await server.settled(() => response !== undefined);
    expect(response?.writableEnded).toBe(true);
    expect(currentResponse(socket)).toBe(response);
    peer.socket.resume();
    await server.settled(({ idle }) => idle === 1);
    expect(response?.writableFinished).toBe(true);
    expect(currentResponse(socket)).toBeUndefined();
  });

  it('parser.incoming is the request parsed last', async () => {
    const gate = new Gate();
    const urls: (string | undefined)[] = [];
    const server = await startServer(kind, async (req, res) => {
      urls.push(req.url);
      await gate.opened;
      res.end();
    });
    const [socket, peer] = await connected(server);
    (await peer).get('/1', '/2');
    await server.settled(() => urls.length === 2);
    expect(latestRequest(socket)?.url).toBe('/2');
    expect(currentResponse(socket)?.req.url).toBe('/1');
    gate.open();
    await server.settled(({ idle }) => idle === 1);
    expect(latestRequest(socket)).toBeUndefined();
  });

  it("server[Symbol('http.server.connections')].active() has the sockets in the middle of a message", async () => {
    const server = await startServer(kind, (_req, res) => void res.end('answer'));
    const [socket, connecting] = await connected(server);
    const peer = await connecting;
    await peer.get('/').got(/answer$/);
    expect(socketsMidMessage(server.server).has(socket)).toBe(false);
    peer.send('GET / HT');
    await within(
      'half headers',
      (async () => {
        while (!socketsMidMessage(server.server).has(socket)) await turns();
      })(),
    );
    await peer.send('TP/1.1\r\nHost: a\r\n\r\n').got(/answer.*answer$/s);
    expect(socketsMidMessage(server.server).has(socket)).toBe(false);
    await peer
      .send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf')
      .got(/(answer.*){3}$/s);
    expect(socketsMidMessage(server.server).has(socket)).toBe(true);
  });

  it("server[Symbol('http.server.connections')].all() has every socket", async () => {
    const server = await startServer(kind, (_req, res) => void res.end());
    const [socket] = await connected(server);
    expect(keepsHttp1Sockets(server.server)).toBe(true);
    expect([...http1Sockets(server.server)]).toEqual([socket]);
  });

  it('response._last decides whether Node closes after a response', async () => {
    const kept: boolean[] = [];
    const server = await startServer(kind, (req, res) => {
      res.writeHead(200, req.url === '/close' ? { Connection: 'close' } : {});
      kept.push(keepOpenAfter(res));
      res.end('answer');
    });
    const [socket, connecting] = await connected(server);
    const peer = await connecting;
    await peer.get('/').got(/answer/);
    await peer.get('/close').got(/answer.*answer/s);
    await turns(5);
    expect(kept).toEqual([false, true]);
    expect(socket.writableEnded).toBe(false);
    await peer.get('/').got(/(answer.*){3}/s);
  });

  it('socket._handle.writeQueueSize is what the kernel has not taken', async () => {
    const server = await startServer(kind, (_req, res) => void res.end(Buffer.alloc(32 << 20)));
    const [socket, connecting] = await connected(server);
    const peer = await connecting;
    expect(unwrittenBytes(tcpSocketOf(socket))).toBe(0);
    peer.socket.pause();
    peer.get('/');
    await server.settled(() => unwrittenBytes(tcpSocketOf(socket)) > 0);
    peer.destroy();
  });
});

it('tlsSocket._parent is the TCP connection', async () => {
  const server = await startServer('https', (_req, res) => void res.end());
  const tcp = new Promise<Socket>((resolve) => server.server.once('connection', resolve));
  const [tls] = await connected(server);
  expect(tcpSocketOf(tls)).toBe(await tcp);
  expect(tcpSocketOf(await tcp)).toBe(await tcp);
});

describe.each(['h2', 'h2c'] as const)('what Node %s keeps', (kind) => {
  it("session[Symbol('state')].streams are the open streams, stream[Symbol('request')] their requests", async () => {
    const gate = new Gate();
    const server = await startServer(kind, async (_req, res) => {
      await gate.opened;
      res.end();
    });
    const begun = new Promise<ServerHttp2Session>((done) => server.server.once('session', done));
    const client = await server.session();
    const session = await begun;
    expect(openStreams(session)?.size).toBe(0);
    const stream = client.request({ ':path': '/path', ':method': 'PUT' });
    stream.resume();
    await server.settled(({ active }) => active === 1);
    const [own] = openStreams(session)?.values() ?? [];
    expect(own?.id).toBe(1);
    expect(own && compatRequest(own)).toMatchObject({ method: 'PUT', url: '/path' });
    gate.open();
    stream.end();
    await server.settled(() => openStreams(session)?.size === 0);
  });

  it('session.state.lastProcStreamID is 0 until the first request', async () => {
    const server = await startServer(kind, (_req, res) => void res.end());
    const begun = new Promise<ServerHttp2Session>((done) => server.server.once('session', done));
    await server.session();
    const session = await begun;
    expect(session.state.lastProcStreamID).toBe(0);
  });

  it("session[Symbol('socket')] is the socket under the session", async () => {
    const server = await startServer(kind, (_req, res) => void res.end());
    const begun = new Promise<ServerHttp2Session>((done) => server.server.once('session', done));
    const socket = nextSocket(server);
    await server.session();
    expect(transportOf(await begun)).toBe(await socket);
  });

  it("server[Symbol('sessions')] has every session, from Node 24 on", async () => {
    const server = await startServer(kind, (_req, res) => void res.end());
    await server.session();
    const isKept = Number(process.versions.node.split('.')[0]) >= 24;
    expect(http2Sessions(server.server) && [...(http2Sessions(server.server) ?? [])].length).toBe(
      isKept ? 1 : undefined,
    );
  });
});

it.each(['http', 'h2'] as const)(
  'server._handle.close() of %s closes the listening socket',
  async (kind) => {
    const server = await startServer(kind, (_req, res) => void res.end());
    const { target } = server;
    closeListeningHandle(server.server);
    const [error] = await within('a refusal', once(connect(target), 'error'));
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    const closed = once(server.server, 'close');
    NetServer.prototype.close.call(server.server);
    await within("'close'", closed);
    expect(server.server.listening).toBe(false);
  },
);

it("emitter[Symbol('kCapture')] says whether rejections are captured", () => {
  expect(capturesRejections(http.createServer())).toBe(false);
  expect(capturesRejections(new EventEmitter({ captureRejections: true }))).toBe(true);
});
