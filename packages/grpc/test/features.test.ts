import * as grpc from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { Gate, within } from '../../http/test/harness/deadline';
import { Others, packageDefinition } from './harness/calls-service';
import {
  certifiedCredentials,
  createClient,
  disposeServers,
  ended,
  message,
  TestServer,
  unary,
} from './harness/test-server';

// What else a server may have goes on working, before and during the stop.

afterEach(disposeServers);

describe('a server with a drain', () => {
  it('answers reflection, and ends a client that holds it open', async () => {
    const test = await TestServer.start({
      streamGraceMs: 50,
      prepare: (server) => new ReflectionService(packageDefinition).addToServer(server),
    });
    // message ServerReflectionRequest { string list_services = 7; }
    const call = test.client().makeBidiStreamRequest(
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      () => Buffer.from([0x3a, 0]),
      (bytes) => bytes.toString('latin1'),
      {},
    );
    const answer = within('the list of services', new Promise((done) => call.once('data', done)));
    const end = ended(call);
    call.write({});
    expect(await answer).toContain('test.Calls');
    expect(await test.stop()).toMatchObject({ ended: 1, cut: [] });
    expect(await end).toMatchObject({ code: grpc.status.UNAVAILABLE });
  });

  it('runs interceptors, which see the end of a stream that the stop ends', async () => {
    const seen: string[] = [];
    const interceptor: grpc.ServerInterceptor = (method, call) =>
      new grpc.ServerInterceptingCall(call, {
        start: (next) =>
          next({
            onReceiveMetadata: (metadata, pass) => {
              seen.push(`begin ${method.path}`);
              pass(metadata);
            },
            onCancel: () => {
              seen.push(`over ${method.path}`);
            },
          }),
        sendStatus: (status, next) => {
          seen.push(`status ${status.code} ${method.path}`);
          next(status);
        },
      });
    const test = await TestServer.start({
      streamGraceMs: 50,
      server: { interceptors: [interceptor] },
    });
    const client = test.client();
    await unary(client, 'now');
    const feed = client.feed({});
    const end = ended(feed);
    await message(feed);
    expect(await test.stop()).toMatchObject({ ended: 1, cut: [] });
    expect(await end).toMatchObject({ code: grpc.status.UNAVAILABLE });
    expect(seen).toEqual([
      'begin /test.Calls/Unary',
      'status 0 /test.Calls/Unary',
      'over /test.Calls/Unary',
      'begin /test.Calls/Feed',
      'over /test.Calls/Feed',
    ]);
  });

  it('serves several services on several addresses, and drains all of them', async () => {
    const hello = new Gate();
    const test = await TestServer.start({
      prepare: (server) => {
        server.addService(Others.service, {
          hello: async (_: unknown, callback: grpc.sendUnaryData<unknown>) => {
            await hello.opened;
            callback(null, { text: 'hello' });
          },
        });
      },
    });
    const second = await new Promise<number>((resolve) => {
      test.server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_, port) =>
        resolve(port),
      );
    });
    const others = new Others(`127.0.0.1:${second}`, grpc.credentials.createInsecure());
    const answer = new Promise((resolve) => {
      others.makeUnaryRequest(
        '/test.Others/Hello',
        () => Buffer.alloc(0),
        String,
        {},
        (error) => resolve(error?.code ?? 0),
      );
    });
    const call = unary(test.client(), 'slow');
    await test.settled(({ calls }) => calls === 2);
    const stopped = test.beginStop();
    hello.open();
    test.service.gate.open();
    expect([await answer, (await call).code]).toEqual([0, 0]);
    expect(await within('the stop', stopped)).toMatchObject({ drained: 2, cut: [] });
    others.close();
  });

  it.each(['bindAsync() with TLS', 'serve() with TLS'] as const)(
    'asks clients for a certificate by %s: theirs finish, and who has none delays nothing',
    async (way) => {
      const test = await TestServer.start({ way, isMutual: true, streamGraceMs: 50 });
      const client = createClient(test.port, true, {}, certifiedCredentials());
      const stranger = test.client();
      const call = unary(client, 'slow');
      await test.service.got('unary');
      const feed = client.feed({});
      const end = ended(feed);
      await message(feed);
      expect(await unary(stranger, 'now')).toMatchObject({ code: grpc.status.UNAVAILABLE });
      const stopped = test.beginStop();
      expect(await end).toMatchObject({ code: grpc.status.UNAVAILABLE });
      test.service.gate.open();
      expect(await call).toMatchObject({ code: grpc.status.OK });
      expect(await within('the stop', stopped)).toMatchObject({ drained: 1, ended: 1, cut: [] });
      client.close();
    },
  );

  it('answers an unknown method, and what is no gRPC at all, as ever', async () => {
    const test = await TestServer.start();
    const client = test.client();
    const code = await new Promise((resolve) => {
      client.makeUnaryRequest(
        '/test.Calls/Nothing',
        () => Buffer.alloc(0),
        String,
        {},
        (error) => resolve(error?.code),
      );
    });
    expect(code).toBe(grpc.status.UNIMPLEMENTED);
    const session = test.session(await test.tcp());
    const stream = session.request({ ':path': '/' });
    const [headers] = await within(
      'a response',
      new Promise<[{ ':status'?: number }]>((resolve) =>
        stream.once('response', (...args) => resolve(args as never)),
      ),
    );
    expect(headers[':status']).toBe(415);
    stream.close();
    expect(await test.stop()).toMatchObject({ cut: [] });
  });
});
