import type * as http2 from 'node:http2';
import type { Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { within } from '../../http/test/harness/deadline';
import {
  endKeepalive,
  http2ServersOf,
  isShutDown,
  kindOf,
  sessionsOf,
} from '../src/grpc-internals';
import { acceptedUnder, openStreams, transportOf, unwrittenBytes } from '../src/node-internals';
import { bind, disposeServers, open, TestServer, unary, WAYS } from './harness/test-server';

// One test per undocumented field: a release of Node, grpc-js or grpc-health-check that drops one must fail here.

afterEach(disposeServers);

function nextSession(test: TestServer): Promise<http2.ServerHttp2Session> {
  return new Promise((resolve) => {
    for (const bound of http2ServersOf(test.server)?.keys() ?? []) bound.once('session', resolve);
  });
}

describe('what grpc-js keeps', () => {
  it('server.http2Servers has each HTTP/2 server from when it listens until it is closed', async () => {
    const server = new grpc.Server();
    expect(http2ServersOf(server)?.size).toBe(0);
    await bind(server, grpc.ServerCredentials.createInsecure());
    const [bound] = http2ServersOf(server)?.keys() ?? [];
    expect(bound).toMatchObject({ listening: true });
    server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
    expect([...(http2ServersOf(server)?.keys() ?? [])][1]).toMatchObject({ listening: false });
    await new Promise<void>((done) => server.tryShutdown(() => done()));
    expect(http2ServersOf(server)?.size).toBe(0);
  });

  it.each([1, 0])(
    'its entries have the sessions, with grpc.enable_channelz %i',
    async (channelz) => {
      const test = await TestServer.start({ server: { 'grpc.enable_channelz': channelz } });
      const session = nextSession(test);
      await unary(test.client(), 'now');
      const [entry] = http2ServersOf(test.server)?.values() ?? [];
      expect([...sessionsOf(entry)]).toEqual([await session]);
    },
  );

  it('server.handlers knows the kind of each method', async () => {
    const { server } = await TestServer.start();
    const kinds = ['Unary', 'Count', 'Upload', 'Chat', 'Nothing'].map((method) =>
      kindOf(server, `/test.Calls/${method}`),
    );
    expect(kinds).toEqual(['unary', 'server stream', 'client stream', 'bidi', undefined]);
  });

  it('server.shutdown says that it has been shut down', () => {
    const server = new grpc.Server();
    expect(isShutDown(server)).toBe(false);
    server.forceShutdown();
    expect(isShutDown(server)).toBe(true);
  });

  it('server.keepaliveTimeMs says how often it pings', () => {
    const server = new grpc.Server({ 'grpc.keepalive_time_ms': 100 });
    expect(server).toMatchObject({ keepaliveTimeMs: 100 });
    endKeepalive(server);
    // As without the option.
    const { keepaliveTimeMs } = new grpc.Server() as unknown as { keepaliveTimeMs: number };
    expect(server).toMatchObject({ keepaliveTimeMs });
    server.forceShutdown();
  });

  it('health.statusMap has the services with a status', () => {
    const health = new HealthImplementation({ a: 'SERVING' }) as unknown as { statusMap: unknown };
    expect(health.statusMap).toEqual(new Map([['a', 'SERVING']]));
  });
});

describe.each(WAYS)('what Node keeps of a session of a server by %s', (way) => {
  it('its socket, and the one under it that was accepted', async () => {
    const test = await TestServer.start({ way });
    const accepted = new Promise((resolve) => {
      for (const bound of http2ServersOf(test.server)?.keys() ?? [])
        bound.once('connection', resolve);
    });
    const session = nextSession(test);
    await unary(test.client(), 'now');
    const transport = transportOf(await session) as Socket;
    expect(acceptedUnder(transport)).toBe(await accepted);
    expect(acceptedUnder(transport) === transport).toBe(!test.isTls);
  });

  it('its open streams', async () => {
    const test = await TestServer.start({ way });
    const session = nextSession(test);
    const call = unary(test.client(), 'slow');
    await test.service.got('unary');
    expect([...openStreams(await session).values()]).toEqual([
      expect.objectContaining({ sentTrailers: undefined, headersSent: false }),
    ]);
    test.service.gate.open();
    await call;
    await test.settled(({ calls }) => calls === 0);
    expect(openStreams(await session).size).toBe(0);
  });

  it('the highest stream taken on, 0 before the first', async () => {
    const test = await TestServer.start({ way });
    const begun = nextSession(test);
    const client = test.session(await test.tcp());
    const session = await within('the session', begun);
    expect(session.state.lastProcStreamID).toBe(0);
    open(client, 'Upload');
    await test.service.got('upload');
    expect(session.state.lastProcStreamID).toBe(1);
  });
});

describe('what Node keeps of a socket', () => {
  it('the bytes that the kernel has not taken', async () => {
    const test = await TestServer.start();
    const begun = nextSession(test);
    const socket = await test.tcp();
    const transport = transportOf(await within('the session', begun)) as Socket;
    expect(unwrittenBytes(transport)).toBe(0);
    expect(transport).toHaveProperty('_handle.writeQueueSize', 0);
    socket.destroy();
  });
});
