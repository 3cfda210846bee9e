import * as http2 from 'node:http2';
import { drainSignal } from '../src/drain-signal';
import { Gate, turns, within } from './harness/deadline';
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

/** Answers `/` at once, everything else when the gate opens. */
function gated(gate: Gate): Handler {
  return async (req, res) => {
    if (req.url !== '/') await gate.opened;
    res.end(`answer to ${req.url}`);
  };
}

/** An empty SETTINGS frame. */
const SETTINGS = '\0\0\0\x04\0\0\0\0\0';
/** HEADERS of stream 1, with END_STREAM and END_HEADERS: `GET http://test/`, names from the static table (RFC 7541 A). */
const GET_ROOT = '\0\0\x09\x01\x05\0\0\0\x01\x82\x86\x84\x01\x04test';

interface Answer {
  readonly text: string;
  /** RST_STREAM code, 0 for none. */
  readonly code: number;
}

/** Requests `path`; resolves with what came and how it ended. */
function request(session: http2.ClientHttp2Session, path: string): Promise<Answer> {
  const stream = session.request({ ':path': path });
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => (text += chunk));
  stream.on('error', () => {});
  const answer = new Promise<Answer>((resolve) => {
    stream.on('close', () => resolve({ text, code: stream.rstCode ?? 0 }));
  });
  return within(`the answer to ${path}`, answer);
}

/** Resolves with the last stream id of the GOAWAY of the server. */
function goaway(session: http2.ClientHttp2Session): Promise<{ code: number; lastId: number }> {
  const received = new Promise<{ code: number; lastId: number }>((resolve) => {
    session.once('goaway', (code, lastId) => resolve({ code, lastId }));
  });
  return within('GOAWAY', received);
}

function closed(session: http2.ClientHttp2Session): Promise<void> {
  return within('the end of the session', new Promise((done) => session.once('close', done)));
}

describe.each<Kind>(['h2', 'h2c'])('stop() of %s', (kind) => {
  it('sends GOAWAY to an idle session and ends it', async () => {
    const server = await startServer(kind, gated(new Gate()), { lingerMs: 60_000 });
    const session = await server.session();
    await request(session, '/');
    const told = goaway(session);
    const over = closed(session);
    await expect(server.stop()).resolves.toEqual({ drained: 0, cut: [], errors: [] });
    expect(await told).toEqual({ code: http2.constants.NGHTTP2_NO_ERROR, lastId: 1 });
    await over;
  });

  it('lets a stream in flight finish', async () => {
    const gate = new Gate();
    const server = await startServer(kind, gated(gate), { lingerMs: 60_000 });
    const session = await server.session();
    const answer = request(session, '/slow');
    await server.settled(({ active }) => active === 1);
    const told = goaway(session);
    const stopped = server.beginStop();
    expect((await told).lastId).toBe(1);
    gate.open();
    expect(await answer).toEqual({ text: 'answer to /slow', code: 0 });
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('refuses a request that crosses the GOAWAY in a way that is safe to retry', async () => {
    const gate = new Gate();
    const server = await startServer(kind, gated(gate), { lingerMs: 60_000 });
    const session = await server.session();
    const answer = request(session, '/slow');
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    await server.settled(() => !server.server.listening);
    // The server has sent GOAWAY in this very turn; the client has not read it.
    const { text, code } = await request(session, '/late');
    expect(text).toBe('');
    expect(code).toBe(http2.constants.NGHTTP2_REFUSED_STREAM);
    gate.open();
    expect((await answer).text).toBe('answer to /slow');
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('answers the requests that are sent in the tick in which the stop begins', async () => {
    const server = await startServer(kind, gated(new Gate()), { lingerMs: 0 });
    const sessions = await Promise.all(Array.from({ length: 10 }, () => server.session()));
    const answers = sessions.flatMap((session) => [request(session, '/'), request(session, '/')]);
    await turns(1);
    const stopped = server.beginStop();
    for (const { text, code } of await Promise.all(answers)) {
      if (code !== http2.constants.NGHTTP2_REFUSED_STREAM) expect(text).toBe('answer to /');
    }
    await expect(within('stop()', stopped)).resolves.toMatchObject({ cut: [] });
  });

  it('answers the first request of a session that comes during the stop', async () => {
    const server = await startServer(kind, gated(new Gate()), { lingerMs: 60_000 });
    const connecting = Array.from({ length: 10 }, () => server.session());
    await new Promise((resolve) => process.nextTick(resolve));
    const stopped = server.beginStop();
    const sessions = await Promise.all(connecting);
    const answers = await Promise.all(sessions.map((session) => request(session, '/')));
    expect(answers.map(({ text }) => text)).toEqual(Array(10).fill('answer to /'));
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 10, cut: [] });
  });

  it('ends a session that has not sent a byte after lingerMs', async () => {
    const server = await startServer(kind, gated(new Gate()), { lingerMs: 50 });
    const peer = await server.tcpPeer();
    await server.settled((counts) => counts.new === 1);
    await expect(server.stop()).resolves.toEqual({ drained: 0, cut: [], errors: [] });
    await peer.ended();
  });

  it('does not wait for a peer that never closes after GOAWAY', async () => {
    const server = await startServer(kind, gated(new Gate()), { lingerMs: 0 });
    const peer = await server.peer({ allowHalfOpen: true }, 'h2');
    peer.send(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${SETTINGS}${GET_ROOT}`);
    await peer.got(/answer to \//);
    await server.settled(({ idle }) => idle === 1);
    await expect(server.stop()).resolves.toEqual({ drained: 0, cut: [], errors: [] });
    expect(await peer.ended()).toBe('end');
    expect(server.drain.connections()).toMatchObject({ idle: 0, closed: 1 });
  });

  it('cuts endless streams at the hammer and lists them', async () => {
    const server = await startServer(kind, (req, res) => {
      if (req.url !== '/silent') res.write('endless');
    });
    const session = await server.session();
    const endless = request(session, '/endless');
    const silent = request(session, '/silent');
    await server.settled(({ active }) => active === 1);
    await turns(10);
    const stopped = server.beginStop();
    await turns(10);
    server.hammer();
    const { drained, cut } = await within('stop()', stopped);
    expect(drained).toBe(0);
    const common = {
      protocol: 'h2',
      method: 'GET',
      ageMs: expect.any(Number),
      ageAtLeast: true,
      peer: expect.any(String),
    };
    expect(cut).toEqual([
      { ...common, path: '/endless', state: 'responding' },
      { ...common, path: '/silent', state: 'waiting' },
    ]);
    await Promise.all([endless, silent]);
  });

  it('lists an upload that the hammer cut', async () => {
    const server = await startServer(kind, () => {});
    const session = await server.session();
    const stream = session.request({ ':path': '/up', ':method': 'POST' });
    stream.on('error', () => {});
    stream.write('part');
    await server.settled(({ active }) => active === 1);
    server.hammer();
    await expect(server.stop()).resolves.toMatchObject({
      cut: [{ protocol: 'h2', method: 'POST', path: '/up', state: 'uploading' }],
    });
  });

  it('lets server-sent events end by the drainSignal', async () => {
    const server = await startServer(kind, (_req, res) => {
      res.write('data: 1\n\n');
      drainSignal(server.server).addEventListener('abort', () => res.end('data: bye\n\n'));
    });
    const session = await server.session();
    const answer = request(session, '/events');
    await server.settled(({ active }) => active === 1);
    await expect(server.stop()).resolves.toMatchObject({ drained: 1, cut: [] });
    expect((await answer).text).toBe('data: 1\n\ndata: bye\n\n');
  });

  it('sends a response of 8 MB whole to a slow client', async () => {
    const body = Buffer.alloc(8 << 20, 'x');
    const server = await startServer(kind, (_req, res) => void res.end(body), { lingerMs: 0 });
    const session = await server.session();
    const stream = session.request({ ':path': '/big' });
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    await turns(50);
    let size = 0;
    stream.on('data', (chunk: Buffer) => (size += chunk.length));
    await within('the end of the stream', new Promise((done) => stream.once('end', done)));
    expect(size).toBe(body.length);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('drains an app that listens for streams', async () => {
    const gate = new Gate();
    const server = ended(new TestServer(kind, createServer(kind) as http2.Http2Server));
    server.server.on('stream', async (stream) => {
      await gate.opened;
      stream.respond({ ':status': 200 });
      stream.end('streamed');
    });
    await server.listen();
    const session = await server.session();
    const answer = request(session, '/stream');
    await server.settled(({ active }) => active === 1);
    const stopped = server.beginStop();
    await turns(5);
    gate.open();
    expect((await answer).text).toBe('streamed');
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  });

  it('does not mistake a CONNECT stream for a hijacked connection', async () => {
    const server = await startServer(kind, gated(new Gate()));
    server.server.on('connect', ((_req: unknown, res: { end(text: string): void }) => {
      res.end('tunnel');
    }) as never);
    const session = await server.session();
    const stream = session.request({ ':method': 'CONNECT', ':authority': 'example.org:443' });
    stream.resume();
    await within('the end of the tunnel', new Promise((done) => stream.once('close', done)));
    await server.settled(({ idle }) => idle === 1);
    expect(server.drain.connections()).toMatchObject({ hijacked: 0, idle: 1 });
    await server.stop();
  });

  it('keeps no entry of 50 requests that are over', async () => {
    const server = await startServer(kind, gated(new Gate()), { lingerMs: 0 });
    const session = await server.session();
    for (let i = 0; i < 50; i++) await request(session, '/');
    await server.settled(({ idle }) => idle === 1);
    await expect(server.stop()).resolves.toEqual({ drained: 0, cut: [], errors: [] });
    expect(server.drain.connections()).toEqual({
      new: 0,
      active: 0,
      idle: 0,
      hijacked: 0,
      closed: 1,
    });
  });
});

describe('stop() of h2', () => {
  it('closes a connection whose TLS handshake has not begun', async () => {
    const server = await startServer('h2', gated(new Gate()), { lingerMs: 20 });
    await server.tcpPeer();
    await server.settled((counts) => counts.new === 1);
    await expect(server.stop()).resolves.toEqual({ drained: 0, cut: [], errors: [] });
  });

  it('closes a peer that does not speak HTTP/2', async () => {
    const server = await startServer('h2', gated(new Gate()), { lingerMs: 20 });
    const peer = await server.peer().catch((error: Error) => error);
    if (!(peer instanceof Error)) peer.get('/');
    await expect(server.stop()).resolves.toMatchObject({ cut: [] });
  });
});

describe('stop() of a server with allowHTTP1', () => {
  it('drains both protocols', async () => {
    const gate = new Gate();
    const server = await startServer('h1 over h2', gated(gate), { lingerMs: 0 });
    const session = await server.session();
    const answer = request(session, '/two');
    const peer = (await server.peer()).get('/one');
    await server.settled(({ active }) => active === 2);
    const stopped = server.beginStop();
    await server.refusing();
    gate.open();
    await peer.got(/answer to \/one$/);
    expect(peer.connectionHeaders).toEqual(['close']);
    expect((await answer).text).toBe('answer to /two');
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 2, cut: [] });
  });
});
