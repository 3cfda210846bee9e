import type { EventEmitter } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import { LastcallError, type Lifecycle } from '@lastcall/proc';
import { createTestLifecycle } from '@lastcall/proc/testing';
import { HealthImplementation } from 'grpc-health-check';
import { within } from '../../http/test/harness/deadline';
import { attachGrpc, createGrpcDrain, drainSignal, type GrpcServer } from '../src';
import { sessionsOf } from '../src/grpc-internals';
import { CallsService } from './harness/calls-service';
import { bind, createClient, ended, message, unary } from './harness/test-server';

const INSECURE = grpc.ServerCredentials.createInsecure();

let service = new CallsService();
let server = new grpc.Server();
let clients: grpc.Client[] = [];

beforeEach(() => {
  service = new CallsService();
  server = new grpc.Server();
  service.addTo(server);
});

afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
  server.forceShutdown();
});

function client(port: number) {
  const made = createClient(port);
  clients.push(made);
  return made;
}

/** The code of what `call` throws. */
function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof LastcallError) return error.code;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const probes = (lifecycle: Lifecycle) => lifecycle.health.check().probes;

describe('attachGrpc()', () => {
  it('drains the server in the intake stage and reports what it drained', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    const handle = attachGrpc(server, { name: 'orders', lifecycle: test.lifecycle });
    const port = await bind(server, INSECURE);
    const call = unary(client(port), 'slow');
    await service.got('unary');
    expect(handle.counts()).toEqual({ connections: 1, calls: 1 });
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(999);
    expect(handle.drainSignal.aborted).toBe(false);
    await test.clock.advance(1);
    expect(handle.drainSignal).toBe(drainSignal(server));
    expect(handle.drainSignal.aborted).toBe(true);
    service.gate.open();
    expect(await call).toMatchObject({ code: grpc.status.OK });
    const report = await within('the report', stopped);
    expect(report).toMatchObject({ ok: true });
    expect(report.listeners).toMatchObject([
      { name: 'orders', phase: 'wrap-up', outcome: 'ok' },
      { name: 'orders', phase: 'shutdown', stage: 'intake', outcome: 'ok', drained: 1, cut: [] },
    ]);
  });

  it('cuts at the hammer, and the report lists what was cut', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    attachGrpc(server, { lifecycle: test.lifecycle });
    const call = unary(client(await bind(server, INSECURE)), 'stuck');
    await service.got('unary');
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(4500);
    expect(await call).toMatchObject({ code: grpc.status.UNAVAILABLE });
    const [, shutdown] = (await within('the report', stopped)).listeners;
    expect(shutdown).toMatchObject({
      name: 'grpc',
      outcome: 'cut',
      drained: 0,
      cut: [{ method: '/test.Calls/Unary', kind: 'unary', messagesSent: 0, state: 'waiting' }],
    });
  });

  it('reports streams that it ended itself, which are neither drained nor cut', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    attachGrpc(server, { lifecycle: test.lifecycle, streamGraceMs: 0 });
    const chat = client(await bind(server, INSECURE)).chat();
    const chatEnd = ended(chat);
    await service.got('chat');
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(1000);
    expect(await chatEnd).toMatchObject({ code: grpc.status.UNAVAILABLE });
    const [, shutdown] = (await within('the report', stopped)).listeners;
    expect(shutdown).toMatchObject({ outcome: 'ok', drained: 0, ended: 1, cut: [] });
  });

  it('turns health NOT_SERVING at wrap-up, before the stage comes', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    const statuses: string[] = [];
    const health = new HealthImplementation({ '': 'SERVING' });
    const setStatus = health.setStatus.bind(health);
    health.setStatus = (service, status) => {
      statuses.push(status);
      setStatus(service, status);
    };
    attachGrpc(server, { lifecycle: test.lifecycle, health });
    await bind(server, INSECURE);
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(1);
    expect(statuses).toEqual(['NOT_SERVING']);
    await test.clock.advance(1000);
    await within('the report', stopped);
  });

  it('warns of what a function of the application throws during the drain', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    const warnings: unknown[] = [];
    test.lifecycle.events.on('warning', ({ error }) => warnings.push(error));
    const oops = new Error('oops');
    attachGrpc(server, {
      lifecycle: test.lifecycle,
      streamGraceMs: () => {
        throw oops;
      },
    });
    const calls = client(await bind(server, INSECURE));
    const chat = calls.chat();
    const chatEnd = ended(chat);
    await service.got('chat');
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(1000);
    chat.end();
    expect(await chatEnd).toMatchObject({ code: grpc.status.OK });
    expect(await within('the report', stopped)).toMatchObject({ ok: true });
    expect(warnings).toEqual([
      expect.objectContaining({ code: 'LASTCALL_GRPC_DRAIN_ERROR', cause: oops }),
    ]);
  });

  it('lists calls in flight among the activities', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    const handle = attachGrpc(server, { name: 'orders', lifecycle: test.lifecycle });
    const calls = client(await bind(server, INSECURE));
    const call = unary(calls, 'slow');
    await service.got('unary');
    const feed = calls.feed({});
    const feedEnd = ended(feed);
    await message(feed);
    const { counts, activities, errors } = test.lifecycle.activities.list();
    expect([counts, errors]).toEqual([{ 'grpc call': 2 }, []]);
    const common = { kind: 'grpc call', owner: 'orders', ageMs: expect.any(Number) };
    const peer = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
    expect(activities).toEqual([
      { ...common, name: '/test.Calls/Unary', state: 'waiting', peer },
      { ...common, name: '/test.Calls/Feed', state: 'responding', peer },
    ]);
    expect(test.lifecycle.activities.list(1)).toMatchObject({
      counts: { 'grpc call': 2 },
      activities: [{ name: '/test.Calls/Unary' }],
    });
    expect(test.lifecycle.gauges.list()).toMatchObject([
      { name: 'lastcall_grpc_connections', labels: { server: 'orders' }, value: 1 },
      { name: 'lastcall_grpc_calls', labels: { server: 'orders' }, value: 2 },
    ]);
    service.gate.open();
    feed.cancel();
    await Promise.all([call, feedEnd]);
    handle.detach();
    expect(test.lifecycle.activities.list().counts).toEqual({});
    expect(test.lifecycle.gauges.list()).toEqual([]);
  });

  it('has a probe that is ready while the server listens', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    attachGrpc(server, { name: 'orders', lifecycle: test.lifecycle });
    expect(probes(test.lifecycle)).toEqual([{ name: 'orders', ready: false }]);
    const port = await bind(server, INSECURE);
    expect(probes(test.lifecycle)).toEqual([{ name: 'orders', ready: true }]);
    server.unbind(`127.0.0.1:${port}`);
    await within(
      'the end of listening',
      (async () => {
        while (probes(test.lifecycle)[0]?.ready) await new Promise((done) => setTimeout(done, 5));
      })(),
    );
  });

  it.each([
    [false, []],
    ['rpc', ['rpc']],
  ])('takes the name of the probe, or none: %p', (probe, names) => {
    const test = createTestLifecycle({ exit: 'none' });
    attachGrpc(server, { probe, lifecycle: test.lifecycle });
    expect(probes(test.lifecycle).map(({ name }) => name)).toEqual(names);
  });

  it('names a second server, and its probe, apart from the first', () => {
    const test = createTestLifecycle({ exit: 'none' });
    const names = [server, new grpc.Server()].map(
      (each) => attachGrpc(each, { lifecycle: test.lifecycle }).name,
    );
    expect(names).toEqual(['grpc', 'grpc#2']);
    expect(probes(test.lifecycle).map(({ name }) => name)).toEqual(['grpc', 'grpc#2']);
  });

  it('is undone by detach(): no listener, probe, source, or property is left', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    const { http2Servers } = server as unknown as { http2Servers: Map<grpc.Server, unknown> };
    const handle = attachGrpc(server, { lifecycle: test.lifecycle });
    const port = await bind(server, INSECURE);
    await unary(client(port), 'now');
    const [[bound, entry]] = http2Servers as unknown as [[EventEmitter, unknown]];
    const [session] = sessionsOf(entry) as Iterable<EventEmitter>;
    const count = (): (number | undefined)[] => [
      ...['connection', 'session', 'close'].map((event) => bound.listenerCount(event)),
      session?.listenerCount('stream'),
    ];
    const attached = count();
    handle.detach();
    handle.detach();
    expect(count()).toEqual(attached.map((each = 0) => each - 1));
    expect(Object.hasOwn(http2Servers, 'set')).toBe(false);
    expect(probes(test.lifecycle)).toEqual([]);
    expect(await unary(client(port), 'now')).toMatchObject({ code: grpc.status.OK });
    const report = test.lifecycle.shutdown();
    await test.clock.advance(10_000);
    expect((await report).listeners).toEqual([]);
    using again = attachGrpc(server, { lifecycle: createTestLifecycle().lifecycle });
    expect(again.name).toBe('grpc');
  });
});

describe('bad input', () => {
  const lifecycle = () => createTestLifecycle({ exit: 'none' }).lifecycle;

  it.each([
    [undefined],
    [null],
    [{}],
    ['server'],
    [() => {}],
    [
      new (class Server {
        addService() {}
        bindAsync() {}
        tryShutdown() {}
        forceShutdown() {}
      })(),
    ],
  ])('refuses what is no gRPC server: %p', (value) => {
    const bad = value as unknown as GrpcServer;
    expect(codeOf(() => attachGrpc(bad, { lifecycle: lifecycle() }))).toBe(
      'LASTCALL_GRPC_BAD_SERVER',
    );
    expect(codeOf(() => createGrpcDrain(bad))).toBe('LASTCALL_GRPC_BAD_SERVER');
  });

  it('refuses a server that is attached already, and one that has been shut down', () => {
    attachGrpc(server, { lifecycle: lifecycle() });
    expect(codeOf(() => attachGrpc(server, { lifecycle: lifecycle() }))).toBe(
      'LASTCALL_GRPC_ALREADY_ATTACHED',
    );
    const over = new grpc.Server();
    over.forceShutdown();
    expect(codeOf(() => attachGrpc(over, { lifecycle: lifecycle() }))).toBe(
      'LASTCALL_GRPC_SERVER_CLOSED',
    );
  });

  it.each([
    [null],
    ['name'],
    [{ nmae: 'orders' }],
    [{ name: '' }],
    [{ name: 7 }],
    [{ probe: '' }],
    [{ probe: 1 }],
    [{ health: {} }],
    [{ health: 'SERVING' }],
    [{ streamGraceMs: -1 }],
    [{ streamGraceMs: '1s' }],
    [{ streamGraceMs: Number.NaN }],
    [{ goawayDelayMs: -1 }],
    [{ goawayDelayMs: 2 ** 31 }],
  ])('refuses the options %p and leaves server and lifecycle as they were', (options) => {
    const target = lifecycle();
    const given = (
      typeof options === 'object' && options !== null ? { ...options, lifecycle: target } : options
    ) as never;
    expect(codeOf(() => attachGrpc(server, given))).toBe('LASTCALL_BAD_OPTION');
    expect(probes(target)).toEqual([]);
    attachGrpc(server, { lifecycle: target });
  });

  it.each([[null], [{}], [{ onShutdown() {}, onWrapUp() {} }]])(
    'refuses the lifecycle %p and leaves the server as it was',
    (bad) => {
      const given = { lifecycle: bad as never };
      expect(codeOf(() => attachGrpc(server, given))).toBe('LASTCALL_BAD_OPTION');
      attachGrpc(server, { lifecycle: lifecycle() });
    },
  );

  it('refuses a probe name that is taken, and registers nothing', () => {
    const target = lifecycle();
    target.health.addProbe('taken');
    expect(codeOf(() => attachGrpc(server, { probe: 'taken', lifecycle: target }))).toBe(
      'LASTCALL_BAD_PROBE',
    );
    attachGrpc(server, { lifecycle: target });
  });

  it('refuses to stop without a signal', () => {
    const drain = createGrpcDrain(server);
    for (const bad of [
      undefined,
      {},
      { signal: 1 },
      { signal: AbortSignal.abort(), deadline: 'x' },
    ])
      expect(codeOf(() => drain.stop(bad as never))).toBe('LASTCALL_BAD_OPTION');
    expect(drain.drainSignal.aborted).toBe(false);
    drain.detach();
  });
});
