import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, status } from '@grpc/grpc-js';
import type { Report } from '@lastcall/proc';
import { Calls, type CallsClient } from './harness/calls-service';
import { createClient, ended, message, unary } from './harness/test-server';
import { type Program, runProgram, runServer } from './run-program';

const reportPath = (): string => join(mkdtempSync(join(tmpdir(), 'lastcall-')), 'report.json');
const readReport = (path: string): Report => JSON.parse(readFileSync(path, 'utf8')) as Report;
const intake = ({ listeners }: Report) => listeners.find(({ stage }) => stage === 'intake');

/** Ends what is left of a program. */
const running: Program[] = [];
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.splice(0).map(({ ended }) => ended.catch(() => {})));
});

function start(...args: Parameters<typeof runServer>): Program {
  const program = runServer(...args);
  running.push(program);
  return program;
}

/** A client in a process of its own, which does what `source` says with `client`; frozen once it has said `ready`. */
async function frozenClient(port: number, source: string, isTls: boolean): Promise<void> {
  const program = runProgram(`
    const read = (name) => require('node:fs').readFileSync('test/fixtures/localhost.' + name + '.pem');
    const client = new Calls('localhost:${port}', ${isTls ? "grpc.credentials.createSsl(read('cert'))" : 'grpc.credentials.createInsecure()'});
    ${source}`);
  running.push(program);
  await program.saw('ready');
  program.child.kill('SIGSTOP');
}

interface Tally {
  readonly by: Map<string, number>;
  readonly lost: string[];
  isOver: boolean;
}

/** Makes one call after the other, without a policy to retry, until told to end. */
async function callOn(client: CallsClient, tally: Tally): Promise<void> {
  while (!tally.isOver) {
    const reply = await new Promise<{ text: string } | undefined>((resolve) =>
      client.unary({ count: 2 }, { deadline: Date.now() + 15_000 }, (error, answer) => {
        if (error !== null) tally.lost.push(`${error.code} ${error.details}`);
        resolve(answer);
      }),
    );
    if (reply !== undefined) tally.by.set(reply.text, (tally.by.get(reply.text) ?? 0) + 1);
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 5));
}

const CLIENTS = 8;

describe('SIGTERM', () => {
  it('loses no call of clients that have another server', async () => {
    const [a, b] = ['a', 'b'].map((name) => {
      const program = start(`
        const server = makeServer('${name}');
        attachGrpc(server, { name: 'calls' });
        up(server);`);
      return program;
    }) as [Program, Program];
    const ports = await Promise.all([a.port, b.port]);
    const target = `ipv4:${ports.map((port) => `127.0.0.1:${port}`).join(',')}`;
    const clients = Array.from(
      { length: CLIENTS },
      () =>
        new Calls(target, credentials.createInsecure(), {
          'grpc.use_local_subchannel_pool': 1,
          'grpc.service_config': '{"loadBalancingConfig":[{"round_robin":{}}]}',
        }) as unknown as CallsClient,
    );
    const tally: Tally = { by: new Map(), lost: [], isOver: false };
    const load = clients.map((client) => callOn(client, tally));
    await until(() => (tally.by.get('a') ?? 0) > 100);
    a.kill('SIGTERM');
    const end = await a.ended;
    const soFar = tally.by.get('b') ?? 0;
    await until(() => (tally.by.get('b') ?? 0) > soFar + 50);
    tally.isOver = true;
    await Promise.all(load);
    for (const client of clients) client.close();
    expect(tally.lost).toEqual([]);
    expect(end.signal).toBe('SIGTERM');
    expect(end.err).toMatch(/intake\s+calls\s+ok/);
  });

  it('answers the call in flight, ends the endless stream, and ends the process before the hammer', async () => {
    const path = reportPath();
    const program = start(
      `
      const { HealthImplementation } = require('grpc-health-check');
      const health = new HealthImplementation({ '': 'SERVING' });
      const server = makeServer('a');
      health.addToServer(server);
      attachGrpc(server, { name: 'calls', health, streamGraceMs: 100 });
      up(server);`,
      { env: { LASTCALL_REPORT: path } },
    );
    const client = createClient(await program.port);
    const feed = client.feed({});
    const feedEnd = ended(feed);
    await message(feed);
    const watch = client.makeServerStreamRequest(
      '/grpc.health.v1.Health/Watch',
      () => Buffer.alloc(0),
      (bytes) => bytes[1],
      {},
    );
    const statuses: unknown[] = [];
    watch.on('data', (value) => statuses.push(value));
    const watchEnd = ended(watch);
    const call = new Promise((resolve) =>
      client.unary({ count: 800 }, (_, reply) => resolve(reply)),
    );
    await program.saw('got unary');
    program.kill('SIGTERM');
    expect(await call).toMatchObject({ text: 'a' });
    expect(await feedEnd).toMatchObject({ code: status.UNAVAILABLE });
    expect(await watchEnd).toMatchObject({ code: status.UNAVAILABLE });
    client.close();
    expect((await program.ended).signal).toBe('SIGTERM');
    expect(statuses).toEqual([1, 2]);
    const report = readReport(path);
    expect(report).toMatchObject({ ok: true, hammerMs: null, forced: null });
    expect(intake(report)).toMatchObject({ name: 'calls', drained: 1, cut: [] });
  });

  it.each([
    ['idle', `client.unary({ text: 'now' }, () => say('ready'));`],
    ['in a stream', `client.feed({}).on('data', () => say('ready'));`],
    [
      'in a stream that it does not read',
      `client.feed({ size: 100000 }).once('data', () => say('ready'));`,
    ],
    [
      'in a stream over TLS that it does not read',
      `client.feed({ size: 100000 }).once('data', () => say('ready'));`,
      true,
    ],
  ])('is not delayed to the hammer by a frozen client, %s', async (_, source, isTls = false) => {
    const path = reportPath();
    const program = start(
      `
      const read = (name) => require('node:fs').readFileSync('test/fixtures/localhost.' + name + '.pem');
      const pairs = [{ private_key: read('key'), cert_chain: read('cert') }];
      if (${isTls}) credentials = grpc.ServerCredentials.createSsl(null, pairs);
      const server = makeServer('a');
      attachGrpc(server, { streamGraceMs: 300 });
      up(server);`,
      { env: { LASTCALL_REPORT: path } },
    );
    await frozenClient(await program.port, source, isTls);
    program.kill('SIGTERM');
    expect((await program.ended).signal).toBe('SIGTERM');
    expect(readReport(path)).toMatchObject({ hammerMs: null, forced: null });
  });

  it('cuts at the hammer, names what was cut, and still closes the pool', async () => {
    const path = reportPath();
    const program = start(
      `
      proc.setup({ wrapUpTimeMs: 50, hammerTimeMs: 300, waitTimeMs: 8000 });
      const server = makeServer('a');
      attachGrpc(server, { name: 'calls' });
      proc.onShutdown(() => say('pool closed'), { name: 'pool' });
      up(server);`,
      { env: { LASTCALL_REPORT: path } },
    );
    const client = createClient(await program.port);
    const call = new Promise<number | undefined>((resolve) =>
      client.unary({ count: 60_000 }, (error) => resolve(error?.code)),
    );
    await program.saw('got unary');
    program.kill('SIGTERM');
    expect(await call).toBe(status.UNAVAILABLE);
    client.close();
    const end = await program.ended;
    expect(end).toMatchObject({ signal: 'SIGTERM', out: expect.stringContaining('pool closed') });
    expect(intake(readReport(path))).toMatchObject({
      outcome: 'cut',
      drained: 0,
      cut: [
        {
          method: '/test.Calls/Unary',
          kind: 'unary',
          peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
          ageMs: expect.any(Number),
          messagesSent: 0,
        },
      ],
    });
  });
});

describe('two generations on one listening socket', () => {
  /** A socket that listens and that nobody has accepted on. */
  async function listeningSocket(): Promise<{ port: number; fd: number; close(): void }> {
    const holder: Server = createServer();
    holder.listen({ port: 0, host: '127.0.0.1', backlog: 1024 });
    await once(holder, 'listening');
    const { fd } = (holder as unknown as { _handle: { fd: number } })._handle;
    return { port: (holder.address() as AddressInfo).port, fd, close: () => holder.close() };
  }

  it('lose no call when the old one stops under load', async () => {
    const socket = await listeningSocket();
    const [old, next] = ['old', 'next'].map((name) =>
      start(
        `
        const server = makeServer('${name}');
        attachGrpc(server, { name: 'calls' });
        serve(server, { credentials, fd: 3 }).then((listener) => say('port ' + listener.port + '.'));`,
        { stdio: ['ignore', 'pipe', 'pipe', socket.fd] },
      ),
    ) as [Program, Program];
    expect(await Promise.all([old.port, next.port])).toEqual([socket.port, socket.port]);
    socket.close();
    const tally: Tally = { by: new Map(), lost: [], isOver: false };
    const clients = Array.from({ length: CLIENTS }, () => createClient(socket.port));
    const load = clients.map((client) => callOn(client, tally));
    const total = (): number => [...tally.by.values()].reduce((sum, count) => sum + count, 0);
    await until(() => total() > 200);
    // Whoever accepted none has nothing to lose: stop the one that has work.
    const [first] = [...tally.by].sort(([, x], [, y]) => y - x)[0] as [string, number];
    const [stopping, other] = first === 'old' ? [old, 'next'] : [next, 'old'];
    stopping.kill('SIGTERM');
    expect((await stopping.ended).err).toMatch(/intake\s+calls\s+ok/);
    const soFar = tally.by.get(other) ?? 0;
    await until(() => (tally.by.get(other) ?? 0) > soFar + 50);
    tally.isOver = true;
    await Promise.all(load);
    for (const client of clients) client.close();
    expect(tally.lost).toEqual([]);
  });
});

it('a process without calls ends by itself after the stop', async () => {
  const program = start(`
    proc.setup({ wrapUpTimeMs: 0, exit: 'code' });
    const server = makeServer('a');
    attachGrpc(server);
    up(server);`);
  const client = createClient(await program.port);
  expect(await unary(client, 'now')).toMatchObject({ code: status.OK });
  program.kill('SIGTERM');
  expect(await program.ended).toMatchObject({ code: 0, signal: null });
  client.close();
});
