import { EventEmitter, once } from 'node:events';
import type * as http2 from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { within } from '../../http/test/harness/deadline';
import { createGrpcDrain } from '../src/grpc-drain';
import { http2ServersOf } from '../src/grpc-internals';
import { Calls, CallsService } from './harness/calls-service';
import {
  bind,
  createClient,
  disposeServers,
  ended,
  message,
  open,
  TestServer,
  unary,
} from './harness/test-server';

// What grpc-go's test/gracefulstop_test.go and TestStopBeforeServe say of GracefulStop() and Stop(), said of the drain.

afterEach(disposeServers);

const started = new EventEmitter();

describe('as in gracefulstop_test.go', () => {
  it('TestGracefulStop: calls on new connections fail with UNAVAILABLE, a stream in flight goes on', async () => {
    const test = await TestServer.start({ streamGraceMs: 20_000 });
    const chat = test.client().chat();
    const end = ended(chat);
    chat.write({ text: 'before' });
    await message(chat);
    const stopped = test.beginStop();
    await test.closed();
    expect(await unary(test.client(), 'now')).toMatchObject({ code: grpc.status.UNAVAILABLE });
    const answer = message(chat);
    chat.write({ text: 'after' });
    await answer;
    chat.end();
    expect(await end).toMatchObject({ code: grpc.status.OK, messages: 2 });
    expect(await within('the stop', stopped)).toMatchObject({ drained: 1, ended: 0, cut: [] });
  });

  it('TestGracefulStopClosesConnAfterLastStream: also when the client has not ended its half', async () => {
    const test = await TestServer.start({
      prepare: (server) => {
        server.removeService(Calls.service);
        server.addService(Calls.service, {
          upload: (
            call: grpc.ServerReadableStream<unknown, unknown>,
            callback: grpc.sendUnaryData<unknown>,
          ) => {
            call.resume();
            started.emit('upload', callback);
          },
        });
      },
    });
    const session = test.session(await test.tcp());
    const called = once(started, 'upload');
    const stream = open(session, 'Upload');
    const [callback] = await within('the call', called);
    const goaway = once(session, 'goaway');
    const over = once(session, 'close');
    const stopped = test.beginStop();
    const [code] = await within('GOAWAY', goaway);
    expect(code).toBe(0);
    const closed = once(stream, 'close');
    callback({ code: grpc.status.OK }, {});
    await within('RST_STREAM', closed);
    expect(stream.rstCode).toBe(0);
    await within('the end of the connection', over);
    expect(await within('the stop', stopped)).toMatchObject({ drained: 1, cut: [] });
  });

  it('TestGracefulStopBlocksUntilGRPCConnectionsTerminate', async () => {
    const test = await TestServer.start();
    const call = unary(test.client(), 'slow');
    await test.service.got('unary');
    const order: string[] = [];
    const stopped = test.beginStop().then(() => order.push('stopped'));
    await test.closed();
    test.service.gate.open();
    order.push((await call).code === grpc.status.OK ? 'answered' : 'failed');
    await within('the stop', stopped);
    expect(order).toEqual(['answered', 'stopped']);
  });

  it('TestStopAbortsBlockingGRPCCall: the hammer returns, and the call fails', async () => {
    const test = await TestServer.start();
    const call = unary(test.client(), 'blocked');
    await test.service.got('unary');
    const cancelled = test.service.sawCancelled('unary');
    const stopped = test.beginStop();
    test.hammer();
    expect((await within('the stop', stopped)).cut).toHaveLength(1);
    expect(await call).toMatchObject({ code: grpc.status.UNAVAILABLE });
    await cancelled;
  });

  it('TestServeHTTP_GracefulStop: connections that the application injects are drained too', async () => {
    const server = new grpc.Server();
    const service = new CallsService();
    service.addTo(server);
    const drain = createGrpcDrain(server);
    expect(drain.isListening).toBe(false);
    const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
    expect(drain.isListening).toBe(true);
    const injected = [...(http2ServersOf(server)?.keys() ?? [])];
    const listener = createServer({ allowHalfOpen: true }, (socket: Socket) =>
      injector.injectConnection(socket),
    );
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const client = createClient((listener.address() as AddressInfo).port);
    const call = unary(client, 'slow');
    await service.got('unary');
    const stopped = drain.stop({ signal: AbortSignal.timeout(10_000) });
    service.gate.open();
    expect(await call).toMatchObject({ code: grpc.status.OK });
    expect(await within('the stop', stopped)).toMatchObject({ drained: 1, cut: [] });
    client.close();
    // What comes later is closed, and leaves no session behind.
    const [bound] = injected;
    const begun = once(bound as http2.Http2Server, 'session');
    const late = connect((listener.address() as AddressInfo).port, '127.0.0.1').resume();
    const [session] = (await within('a late session', begun)) as [http2.ServerHttp2Session];
    await within('its end', new Promise((done) => late.once('close', done)));
    if (!session.destroyed) await within('the end of its session', once(session, 'close'));
    listener.close();
    drain.detach();
  });
});

describe('as in server_test.go', () => {
  it('TestStopBeforeServe: a stopped server cannot be served', async () => {
    const server = new grpc.Server();
    const drain = createGrpcDrain(server);
    await drain.stop({ signal: AbortSignal.timeout(10_000) });
    await expect(async () => bind(server, grpc.ServerCredentials.createInsecure())).rejects.toThrow(
      /shutdown/,
    );
    drain.detach();
  });

  it('TestGracefulStop is idempotent, and goes with tryShutdown() and forceShutdown() by the application', async () => {
    const test = await TestServer.start();
    const call = unary(test.client(), 'slow');
    await test.service.got('unary');
    const own = new Promise<void>((resolve) => test.server.tryShutdown(() => resolve()));
    const first = test.beginStop();
    expect(test.beginStop()).toBe(first);
    test.service.gate.open();
    expect(await call).toMatchObject({ code: grpc.status.OK });
    expect(await within('the stop', first)).toMatchObject({ drained: 1, cut: [] });
    await within('tryShutdown()', own);
    test.server.forceShutdown();
    expect(await test.stop()).toMatchObject({ drained: 1, cut: [] });
  });
});
