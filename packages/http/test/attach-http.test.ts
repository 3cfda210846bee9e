import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { LastcallError } from '@lastcall/proc';
import { createTestLifecycle } from '@lastcall/proc/testing';
import { eventually } from '../../../tools/eventually';
import { attachHttp, drainSignal, type UpgradedConnection } from '../src';
import { within } from './harness/deadline';

/** A listening server and the GET requests that a client without reuse makes to it. */
async function listening(server: http.Server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, get: (path = '/') => get(port, path) };
}

async function get(port: number, path: string) {
  const request = http.get({ port, path, host: '127.0.0.1', agent: false });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const body = (await response.toArray()).join('');
  return { status: response.statusCode, headers: response.headers, body };
}

describe('attachHttp()', () => {
  it('drains the server in the intake stage and reports what it drained', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    let answer: (() => void) | undefined;
    const server = http.createServer((_, response) => {
      answer = () => response.end('answered');
    });
    const handle = attachHttp(server, { name: 'web', lifecycle: test.lifecycle, lingerMs: 0 });
    const { get } = await listening(server);
    const waiting = get();
    await once(server, 'request');
    expect(handle.connections()).toMatchObject({ active: 1, idle: 0 });
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(999);
    expect([server.listening, handle.drainSignal.aborted]).toEqual([true, false]);
    const closed = once(server, 'close');
    await test.clock.advance(1);
    expect(handle.drainSignal).toBe(drainSignal(server));
    expect(handle.drainSignal.aborted).toBe(true);
    // Before it has closed the listening socket, a busy machine does not announce the end of connections.
    await eventually(
      () => server.listening,
      (isListening) => !isListening,
    );
    answer?.();
    expect(await waiting).toMatchObject({ body: 'answered', headers: { connection: 'close' } });
    await closed;
    const report = await stopped;
    expect(report.listeners).toMatchObject([
      { name: 'web', phase: 'wrap-up', outcome: 'ok' },
      { name: 'web', phase: 'shutdown', stage: 'intake', outcome: 'ok', drained: 1, cut: [] },
    ]);
  });

  it('warns of what onUpgradeDrain throws, once for all connections', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    const server = http.createServer();
    server.on('upgrade', (_, socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n',
      );
    });
    let calls = 0;
    const onUpgradeDrain = ({ socket }: UpgradedConnection) => {
      socket.destroy();
      throw new Error(`failure ${++calls}`);
    };
    attachHttp(server, { name: 'web', lifecycle: test.lifecycle, onUpgradeDrain });
    const { port } = await listening(server);
    for (let index = 0; index < 2; index++) {
      const client = net.connect(port, '127.0.0.1').on('error', () => {});
      client.write('GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n');
      await once(client, 'data');
    }
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(1000);
    const { warnings } = await within('the stop', stopped);
    expect(warnings).toMatchObject([
      {
        code: 'LASTCALL_HTTP_UPGRADE_DRAIN_FAILED',
        message: 'onUpgradeDrain failed for 2 connections of web: failure 1; the drain went on',
        cause: { message: 'failure 1' },
      },
    ]);
  });

  it('cuts at the hammer, and the report lists what was cut', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    const server = http.createServer(() => {});
    attachHttp(server, { lifecycle: test.lifecycle });
    const { port } = await listening(server);
    const request = http.get({ port, path: '/stuck', agent: false });
    const cut = once(request, 'error');
    await once(server, 'request');
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(4500);
    await cut;
    const [, shutdown] = (await stopped).listeners;
    expect(shutdown).toMatchObject({
      name: 'http',
      outcome: 'cut',
      cut: [
        {
          protocol: 'http/1.1',
          method: 'GET',
          path: '/stuck',
          peer: expect.stringContaining('127.0.0.1'),
        },
      ],
    });
  });

  it('has a probe that is ready while the server listens', async () => {
    const { lifecycle } = createTestLifecycle();
    const server = http.createServer();
    attachHttp(server, { name: 'web', lifecycle });
    expect(lifecycle.health.check()).toMatchObject({
      ready: false,
      probes: [{ name: 'web', ready: false }],
    });
    await listening(server);
    expect(lifecycle.health.isReady()).toBe(true);
    server.close();
    await once(server, 'close');
    expect(lifecycle.health.isReady()).toBe(false);
  });

  it('takes another name for the probe, or none', () => {
    const { lifecycle } = createTestLifecycle();
    attachHttp(http.createServer(), { name: 'web', probe: 'public', lifecycle });
    attachHttp(http.createServer(), { name: 'admin', probe: false, lifecycle });
    expect(lifecycle.health.check().probes).toEqual([{ name: 'public', ready: false }]);
  });

  it('tells servers of the same name apart', () => {
    const { lifecycle } = createTestLifecycle();
    const names = [1, 2].map(() => attachHttp(http.createServer(), { lifecycle }).name);
    expect(names).toEqual(['http', 'http#2']);
  });

  it('can be undone, and done again', async () => {
    const { lifecycle, environment } = createTestLifecycle();
    const server = http.createServer((_, response) => void response.end());
    const listeners = () => server.eventNames().flatMap((name) => server.listeners(name as string));
    const before = listeners();
    const handle = attachHttp(server, { lifecycle });
    handle.detach();
    handle[Symbol.dispose]();
    expect(listeners()).toEqual(before);
    expect(lifecycle.health.check().probes).toEqual([]);
    expect(environment.signalHandlerCount('SIGTERM')).toBe(0);
    expect(attachHttp(server, { lifecycle }).name).toBe('http');
  });

  // go-zero's TestStartHttp: a start on an occupied port, and a stop after it.
  it('does not mind a server that could not listen', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    const occupant = http.createServer();
    const { port } = await listening(occupant);
    const server = http.createServer();
    attachHttp(server, { lifecycle: test.lifecycle });
    server.listen(port, '127.0.0.1');
    const [error] = (await once(server, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('EADDRINUSE');
    expect(test.lifecycle.health.isReady()).toBe(false);
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(1000);
    expect(await stopped).toMatchObject({ ok: true });
    occupant.close();
  });

  it('passes limits to Node', () => {
    const { lifecycle } = createTestLifecycle();
    const server = http.createServer();
    attachHttp(server, {
      lifecycle,
      readTimeoutMs: 5000,
      writeTimeoutMs: 7000,
      maxHeaderBytes: 2048,
    });
    expect(server).toMatchObject({
      requestTimeout: 5000,
      headersTimeout: 5000,
      timeout: 7000,
      maxHeaderSize: 2048,
    });
    const untouched = http.createServer();
    attachHttp(untouched, { lifecycle });
    const { requestTimeout, headersTimeout, timeout } = http.createServer();
    expect(untouched).toMatchObject({ requestTimeout, headersTimeout, timeout });
  });

  it.each([
    ['before listen()', false],
    ['of a server that listens', true],
  ])('answers a request that takes too long with 408 in good time, %s', async (_, isListening) => {
    const { lifecycle } = createTestLifecycle();
    const server = http.createServer();
    if (!isListening) attachHttp(server, { lifecycle, readTimeoutMs: 100 });
    const { port } = await listening(server);
    if (isListening) attachHttp(server, { lifecycle, readTimeoutMs: 100 });
    const client = net.connect(port, '127.0.0.1', () =>
      client.write('GET / HTTP/1.1\r\nHost: a\r\n'),
    );
    const [answer] = await within('408', once(client, 'data')).finally(() => {
      client.destroy();
      server.close();
    });
    expect(String(answer)).toMatch(/^HTTP\/1.1 408 /);
  });

  it('looks for slow requests more often than it was told, never less', () => {
    const { lifecycle } = createTestLifecycle();
    const server = http.createServer({ connectionsCheckingInterval: 1000 });
    attachHttp(server, { lifecycle, readTimeoutMs: 60_000 });
    expect(server).toMatchObject({ connectionsCheckingInterval: 1000, requestTimeout: 60_000 });
  });

  it('refuses longer headers with 431', async () => {
    const { lifecycle } = createTestLifecycle();
    const server = http.createServer((_, response) => void response.end());
    attachHttp(server, { lifecycle, maxHeaderBytes: 1024 });
    const { port } = await listening(server);
    const request = http.get({ port, agent: false, headers: { 'x-long': 'x'.repeat(2048) } });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    expect(response.statusCode).toBe(431);
    response.resume();
    server.close();
  });

  it('refuses longer header lists of HTTP/2', async () => {
    const { lifecycle } = createTestLifecycle();
    const server = http2.createServer();
    attachHttp(server, { lifecycle, maxHeaderBytes: 1024 });
    server.listen(0);
    await once(server, 'listening');
    const client = http2.connect(`http://localhost:${(server.address() as AddressInfo).port}`);
    const [settings] = (await once(client, 'remoteSettings')) as [http2.Settings];
    expect(settings.maxHeaderListSize).toBe(1024);
    client.close();
    server.close();
  });
});

describe('bad input', () => {
  const { lifecycle } = createTestLifecycle();
  const server = http.createServer();
  it.each([
    ['no server', () => attachHttp(undefined as never), 'LASTCALL_HTTP_BAD_SERVER', 'undefined'],
    [
      'a net server',
      () => attachHttp(net.createServer() as never),
      'LASTCALL_HTTP_BAD_SERVER',
      'node:http',
    ],
    ['an app', () => attachHttp((() => {}) as never), 'LASTCALL_HTTP_BAD_SERVER', 'a function'],
    [
      'an unknown option',
      () => attachHttp(server, { linger: 5 } as never),
      'LASTCALL_BAD_OPTION',
      "'linger'",
    ],
    [
      'a negative linger',
      () => attachHttp(server, { lingerMs: -5 }),
      'LASTCALL_BAD_OPTION',
      'lingerMs',
    ],
    [
      'a header limit that HTTP/2 has no room for',
      () => attachHttp(http2.createServer(), { maxHeaderBytes: 2 ** 32, lifecycle }),
      'LASTCALL_BAD_OPTION',
      'maxHeaderBytes',
    ],
    [
      'a probe without a name',
      () => attachHttp(server, { probe: '' }),
      'LASTCALL_BAD_OPTION',
      'probe',
    ],
    [
      'an empty name',
      () => attachHttp(server, { name: '', lifecycle }),
      'LASTCALL_BAD_OPTION',
      "'name' of attachHttp()",
    ],
    [
      'no lifecycle',
      () => attachHttp(server, { lifecycle: null as never }),
      'LASTCALL_BAD_OPTION',
      'lifecycle',
    ],
    [
      'what is no lifecycle',
      () => attachHttp(server, { lifecycle: {} as never }),
      'LASTCALL_BAD_OPTION',
      'lifecycle',
    ],
    [
      'a bad limit',
      () => attachHttp(server, { maxHeaderBytes: 0 }),
      'LASTCALL_BAD_OPTION',
      'maxHeaderBytes',
    ],
    [
      'a bad timeout',
      () => attachHttp(server, { readTimeoutMs: '1s' as never }),
      'LASTCALL_BAD_OPTION',
      'readTimeoutMs',
    ],
  ])('%s gets a coded error at the call', (_, call, code, part) => {
    expect(call).toThrow(LastcallError);
    expect(call).toThrow(expect.objectContaining({ code, message: expect.stringContaining(part) }));
    // Nothing of the attempt is left.
    expect(lifecycle.health.check().probes).toEqual([]);
  });

  it('attaching the same server twice is refused', () => {
    const test = createTestLifecycle();
    const twice = http.createServer();
    attachHttp(twice, { lifecycle: test.lifecycle });
    expect(() => attachHttp(twice, { lifecycle: test.lifecycle })).toThrow(
      expect.objectContaining({ code: 'LASTCALL_HTTP_ALREADY_ATTACHED' }),
    );
    expect(test.lifecycle.health.check().probes).toHaveLength(1);
  });

  it('attaching a closed server is refused', async () => {
    const closed = http.createServer();
    await listening(closed);
    closed.close();
    await once(closed, 'close');
    expect(() => attachHttp(closed, { lifecycle })).toThrow(
      expect.objectContaining({ code: 'LASTCALL_HTTP_SERVER_CLOSED' }),
    );
  });

  it('a probe name that is taken leaves the server as it was', () => {
    const test = createTestLifecycle();
    test.lifecycle.health.addProbe('web');
    const call = () => attachHttp(server, { probe: 'web', lifecycle: test.lifecycle });
    expect(call).toThrow(expect.objectContaining({ code: 'LASTCALL_BAD_PROBE' }));
    expect(test.environment.signalHandlerCount('SIGTERM')).toBe(0);
    expect(
      attachHttp(server, { name: 'web', probe: 'server', lifecycle: test.lifecycle }).name,
    ).toBe('web');
  });
});
