import { connect } from 'node:http2';
import { Duplex } from 'node:stream';
import { type AcceptedSockets, createLifecycle } from '@lastcall/proc';
import { createTestLifecycle } from '@lastcall/proc/testing';
import { attachHttp } from '../src';
import { createHttpDrain } from '../src/http-drain';
import { within } from './harness/deadline';
import { disposeServers, type Handler, type Kind, startServer } from './harness/test-server';

afterEach(disposeServers);

const never: Handler = () => {};

/** The sockets that keep this process alive, as a dump hands them to the sources of activities. */
async function acceptedSockets(): Promise<AcceptedSockets | undefined> {
  const lifecycle = createLifecycle({ logger: false, exit: 'none' });
  let sockets: AcceptedSockets | undefined;
  lifecycle.activities.addSource((_limit, accepted) => {
    sockets = accepted;
    return [];
  });
  await lifecycle.dump({ awaits: 'never', write: false });
  return sockets;
}

/** Node's own list of the connections of `server`, spied on. */
function spyOnList(server: object): jest.SpyInstance {
  const key = Object.getOwnPropertySymbols(server).find(
    ({ description }) => description === 'http.server.connections',
  );
  return jest.spyOn(Reflect.get(server, key as symbol) as { all(): unknown[] }, 'all');
}

/** A connection that is no socket: its two ends. */
function duplexPair(): [Duplex, Duplex] {
  const end = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        other().push(chunk);
        done();
      },
    });
  const near: Duplex = end(() => far);
  const far: Duplex = end(() => near);
  return [near, far];
}

describe('inFlight() of accepted sockets', () => {
  it.each<Kind>(['http', 'https', 'h1 over h2', 'h2c'])('finds the same for %s', async (kind) => {
    const server = await startServer(kind, never);
    if (kind === 'h2c') {
      const session = connect(`http://127.0.0.1:${server.target.port}`);
      server.owns(session);
      session.request({ ':path': '/a' }).on('error', () => {});
    } else {
      await server.peer();
      (await server.peer()).get('/a');
      (await server.peer()).send('POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf');
    }
    const wanted = kind === 'h2c' ? 1 : 2;
    await server.settled(() => server.drain.inFlight().counts['http request'] === wanted);
    const known = server.drain.inFlight('web', 1, await acceptedSockets());
    expect(known.counts).toEqual({ 'http request': wanted });
    expect(known.activities).toHaveLength(1);
    const names = (list: { readonly activities: readonly { readonly name: string }[] }): string[] =>
      list.activities.map(({ name }) => name).sort();
    expect(names(server.drain.inFlight('web', 9, await acceptedSockets()))).toEqual(
      names(server.drain.inFlight('web', 9)),
    );
  });

  it('does not have Node list the connections once more', async () => {
    const server = await startServer('http', never);
    (await server.peer()).get('/a');
    await server.settled(({ active }) => active === 1);
    const list = spyOnList(server.server);
    expect(server.drain.inFlight('web', 9, await acceptedSockets()).activities).toHaveLength(1);
    expect(list).not.toHaveBeenCalled();
    expect(server.drain.inFlight('web', 9).activities).toHaveLength(1);
    expect(list).toHaveBeenCalledTimes(1);
  });

  it('lists more than a dump has listed', async () => {
    const server = await startServer('http', never);
    for (let i = 0; i < 3; i++) (await server.peer()).get('/a');
    await server.settled(({ active }) => active === 3);
    const listed = (await acceptedSockets())?.get(server.server);
    const few = new Map([[server.server, { ...listed, busy: listed?.busy.slice(0, 1) }]]);
    const { counts, activities } = server.drain.inFlight('web', 2, few as AcceptedSockets);
    expect(counts).toEqual({ 'http request': 3 });
    expect(activities).toHaveLength(2);
  });

  it('finds what came by another way than a socket', async () => {
    const server = await startServer('http', never);
    (await server.peer()).get('/socket');
    const [near, far] = duplexPair();
    server.server.emit('connection', far);
    near.write('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n');
    await server.settled(() => server.drain.inFlight().counts['http request'] === 2);
    expect(server.drain.inFlight('web', 9, await acceptedSockets()).counts).toEqual({
      'http request': 2,
    });
    near.destroy();
    far.destroy();
  });
});

describe('inFlight()', () => {
  it.each<Kind>(['http', 'https', 'h1 over h2'])('lists requests of %s', async (kind) => {
    const server = await startServer(kind, never);
    const peer = (await server.peer()).get('/orders/7?token=secret');
    await server.settled(({ active }) => active === 1);
    const common = { kind: 'http request', name: 'GET /orders/7', owner: 'web' };
    const expected = { ...common, peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/) };
    expect(server.drain.inFlight('web').activities).toMatchObject([
      { ...expected, state: 'waiting', ageMs: null },
    ]);
    expect(server.drain.inFlight('web').activities).toMatchObject([
      { ...expected, state: 'waiting', ageMs: expect.any(Number), ageAtLeast: true },
    ]);
    peer.destroy();
    await server.settled(({ active }) => active === 0);
    expect(server.drain.inFlight().activities).toEqual([]);
  });

  it('tells what uploads and what responds', async () => {
    const server = await startServer('http', (request, response) => {
      if (request.url === '/stream') response.write('first');
    });
    (await server.peer()).send('POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf');
    (await server.peer()).get('/stream');
    await server.settled(({ active }) => active === 2);
    const states = server.drain.inFlight().activities.map(({ name, state }) => `${name} ${state}`);
    expect(states.sort()).toEqual(['GET /stream responding', 'POST /upload uploading']);
  });

  it('lists the streams of h2', async () => {
    const server = await startServer('h2c', never);
    const session = connect(`http://127.0.0.1:${server.target.port}`);
    server.owns(session);
    for (const path of ['/a', '/b?c']) session.request({ ':path': path }).on('error', () => {});
    await server.settled(() => server.drain.inFlight().activities.length === 2);
    expect(server.drain.inFlight().activities).toMatchObject([
      { kind: 'http request', name: 'GET /a', state: 'waiting' },
      { kind: 'http request', name: 'GET /b', state: 'waiting' },
    ]);
  });

  it('lists upgraded connections with their age', async () => {
    const server = await startServer('http', never);
    server.server.on('upgrade', (_request, socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n',
      );
    });
    const peer = await server.peer();
    peer.send('GET /room?id=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n');
    await peer.got(/101/);
    const [chat] = server.drain.inFlight().activities;
    expect(chat).toMatchObject({ kind: 'chat', name: 'GET /room', state: 'upgraded' });
    expect(chat).toMatchObject({ ageMs: expect.any(Number), ageAtLeast: undefined });
  });
});

it('attachHttp() tells the lifecycle what is in flight, until detach()', async () => {
  const server = await startServer('http', never);
  server.drain.detach();
  const { lifecycle } = createTestLifecycle();
  const handle = attachHttp(server.server, { name: 'shop', lifecycle });
  (await server.peer()).get('/cart');
  const active = () => handle.connections().active === 1;
  await within(
    'the request',
    new Promise<void>((done) => {
      const look = (): void => (active() ? done() : void setImmediate(look));
      look();
    }),
  );
  expect(lifecycle.activities.list().activities).toMatchObject([
    { name: 'GET /cart', owner: 'shop' },
  ]);
  handle.detach();
  expect(lifecycle.activities.list().activities).toEqual([]);
  createHttpDrain(server.server).detach();
});
