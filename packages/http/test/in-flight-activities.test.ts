import { connect } from 'node:http2';
import { createTestLifecycle } from '@lastcall/proc/testing';
import { attachHttp } from '../src';
import { createHttpDrain } from '../src/http-drain';
import { within } from './harness/deadline';
import { disposeServers, type Handler, type Kind, startServer } from './harness/test-server';

afterEach(disposeServers);

const never: Handler = () => {};

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
      { ...expected, state: 'waiting', ageMs: expect.any(Number) },
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
    expect(server.drain.inFlight().activities).toMatchObject([
      { kind: 'chat', name: 'GET /room', state: 'upgraded', ageMs: expect.any(Number) },
    ]);
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
