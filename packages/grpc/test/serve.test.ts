import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import type { LastcallError } from '@lastcall/proc';
import { createTestLifecycle } from '@lastcall/proc/testing';
import { within } from '../../http/test/harness/deadline';
import { attachGrpc, createGrpcDrain, type GrpcListener, serve } from '../src';
import { Calls, type CallsClient, CallsService } from './harness/calls-service';
import { createClient, tlsCredentials, unary } from './harness/test-server';

const credentials = grpc.ServerCredentials.createInsecure();

let service = new CallsService();
let server = new grpc.Server();
let listeners: GrpcListener[] = [];

beforeEach(() => {
  service = new CallsService();
  server = new grpc.Server();
  service.addTo(server);
});

afterEach(() => {
  for (const listener of listeners) listener.close();
  listeners = [];
  server.forceShutdown();
});

async function served(
  options: Omit<Parameters<typeof serve<grpc.ServerCredentials>>[1], 'credentials'>,
) {
  const listener = await serve(server, { credentials, ...options });
  listeners.push(listener);
  return listener;
}

async function answers(client: CallsClient): Promise<void> {
  expect(await unary(client, 'now')).toMatchObject({ code: grpc.status.OK });
  client.close();
}

describe('serve()', () => {
  it('listens on a port', async () => {
    const listener = await served({ port: 0, host: '127.0.0.1' });
    expect(listener.port).toBeGreaterThan(0);
    await answers(createClient(listener.port ?? 0));
    listener.close();
    listener.close();
    expect([listener.listener.listening, listener.port]).toEqual([false, undefined]);
  });

  it('listens on a unix socket', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'lastcall-')), 'grpc.sock');
    const listener = await served({ path });
    expect(listener.port).toBeUndefined();
    const drain = createGrpcDrain(server);
    const client = new Calls(
      `unix:${path}`,
      grpc.credentials.createInsecure(),
    ) as unknown as CallsClient;
    const call = unary(client, 'stuck');
    await service.got('unary');
    const { cut } = await within('the stop', drain.stop({ signal: AbortSignal.abort() }));
    expect(cut).toMatchObject([{ method: '/test.Calls/Unary', peer: 'unix' }]);
    expect(await call).toMatchObject({ code: grpc.status.UNAVAILABLE });
    client.close();
    drain.detach();
  });

  it('makes the TLS handshake itself', async () => {
    const listener = await serve(server, {
      credentials: tlsCredentials(),
      port: 0,
      host: '127.0.0.1',
    });
    listeners.push(listener);
    await answers(createClient(listener.port ?? 0, true));
  });

  it('serves what a net.Server of the application accepts, which may listen later', async () => {
    const own = createServer();
    const listener = await served({ listener: own });
    expect([listener.listener === own, listener.port]).toEqual([true, undefined]);
    own.listen(0, '127.0.0.1');
    await once(own, 'listening');
    await answers(createClient(listener.port ?? 0));
  });

  it('sets on sockets what bindAsync() would have set', async () => {
    const own = createServer({ allowHalfOpen: true });
    const listener = await served({ listener: own });
    const accepted = once(own, 'connection');
    own.listen(0, '127.0.0.1');
    await once(own, 'listening');
    await answers(createClient(listener.port ?? 0));
    const [socket] = (await accepted) as [Socket];
    expect(socket.allowHalfOpen).toBe(false);
  });

  it('tells a handler that its client is gone, as bindAsync() does', async () => {
    const listener = await served({ port: 0, host: '127.0.0.1' });
    const far = connect(listener.port ?? 0, '127.0.0.1').on('error', () => {});
    const between = createServer((near) => {
      near.unref();
      near.on('error', () => {}).pipe(far, { end: false });
      far.pipe(near);
    });
    await once(between.listen(0, '127.0.0.1'), 'listening');
    const client = createClient((between.address() as AddressInfo).port);
    const call = unary(client, 'stuck');
    try {
      await service.got('unary');
      // All that a client says that was killed.
      far.end();
      await service.sawCancelled('unary');
      expect(await call).toMatchObject({ code: grpc.status.UNAVAILABLE });
    } finally {
      client.close();
      between.close();
      far.destroy();
    }
  });

  it.each(['before', 'after'] as const)('is drained by what is attached %s it', async (order) => {
    const test = createTestLifecycle({ exit: 'none' });
    const attach = () => attachGrpc(server, { lifecycle: test.lifecycle });
    if (order === 'before') attach();
    const listener = await served({ port: 0, host: '127.0.0.1' });
    if (order === 'after') attach();
    expect(test.lifecycle.health.check().probes).toEqual([{ name: 'grpc', ready: true }]);
    const client = createClient(listener.port ?? 0);
    const call = unary(client, 'slow');
    await service.got('unary');
    const stopped = test.lifecycle.shutdown();
    const closed = once(listener.listener, 'close');
    await test.clock.advance(1000);
    service.gate.open();
    expect(await call).toMatchObject({ code: grpc.status.OK });
    expect((await within('the report', stopped)).listeners[1]).toMatchObject({
      outcome: 'ok',
      drained: 1,
    });
    await within('the listener to close', closed);
    client.close();
  });

  it('has the probe follow a listener that listens later, and one that closes', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    attachGrpc(server, { lifecycle: test.lifecycle });
    const ready = () => test.lifecycle.health.check().probes[0]?.ready;
    const own = createServer();
    await served({ listener: own });
    expect(ready()).toBe(false);
    own.listen(0, '127.0.0.1');
    await once(own, 'listening');
    expect(ready()).toBe(true);
    own.close();
    await once(own, 'close');
    expect(ready()).toBe(false);
  });
});

describe('bad input of serve()', () => {
  const codeOf = async (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => 'nothing was thrown',
      (error: LastcallError) => error.code,
    );

  it.each([
    ['no options', undefined],
    ['no target', { credentials }],
    ['two targets', { credentials, port: 0, fd: 3 }],
    ['an unknown option', { credentials, port: 0, prot: 1 }],
    ['no credentials', { port: 0 }],
    ['wrong credentials', { credentials: 'insecure', port: 0 }],
    ['a listener that is none', { credentials, listener: {} }],
    ['a listener of TLS', { credentials, listener: createTlsServer() }],
    ['a listener of HTTP', { credentials, listener: createHttpServer() }],
  ])('%s', async (_, options) => {
    expect(await codeOf(serve(server, options as never))).toBe('LASTCALL_BAD_OPTION');
  });

  it('a listener that serves already', async () => {
    const listener = createServer();
    await served({ listener });
    expect(await codeOf(serve(new grpc.Server(), { credentials, listener }))).toBe(
      'LASTCALL_BAD_OPTION',
    );
  });

  it('a port that does not exist, one that is taken, and an fd that is none', async () => {
    const { port } = await served({ port: 0, host: '127.0.0.1' });
    const test = createTestLifecycle({ exit: 'none' });
    const other = new grpc.Server();
    attachGrpc(other, { lifecycle: test.lifecycle });
    for (const target of [{ port: 70_000 }, { port, host: '127.0.0.1' }, { fd: 9999 }])
      expect(await codeOf(serve(other, { credentials, ...target }))).toBe(
        'LASTCALL_GRPC_NOT_LISTENING',
      );
    // Nothing of it is left, one turn later.
    await new Promise(setImmediate);
    expect(test.lifecycle.health.check().probes).toEqual([{ name: 'grpc', ready: false }]);
    const { http2Servers } = other as unknown as { http2Servers: Map<unknown, unknown> };
    expect(http2Servers.size).toBe(0);
  });

  it('a server that is none, one of an old grpc-js, and one that has been shut down', async () => {
    const target = { credentials, port: 0 };
    expect(await codeOf(serve({} as never, target))).toBe('LASTCALL_GRPC_BAD_SERVER');
    const old = Object.assign(new grpc.Server(), { createConnectionInjector: undefined });
    expect(await codeOf(serve(old as never, target))).toBe('LASTCALL_GRPC_BAD_SERVER');
    server.forceShutdown();
    expect(await codeOf(serve(server, target))).toBe('LASTCALL_GRPC_SERVER_CLOSED');
  });
});
