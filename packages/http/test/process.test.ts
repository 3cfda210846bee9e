import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Report } from '@lastcall/proc';
import { Pool } from 'undici';
import { WebSocket } from 'ws';
import { sendUntilRefused, stopUnderLoad, withAgent, withPool } from './harness/load';
import { Peer } from './harness/peer';
import { type Program, runProgram } from './run-program';

const run = promisify(execFile);
const fixtures = join(__dirname, 'fixtures');
const reportPath = (): string => join(mkdtempSync(join(tmpdir(), 'lastcall-')), 'report.json');
const readReport = (path: string): Report => JSON.parse(readFileSync(path, 'utf8')) as Report;

const SERVICE = `
  const health = healthHandler();
  const server = require('node:http').createServer((request, response) => {
    if (health(request, response)) return;
    setTimeout(() => response.end('ok'), request.url === '/slow' ? 600 : 5);
  });
  attachHttp(server, { name: 'web' });
  up(server);`;

describe('SIGTERM under load, clients that keep connections and do not retry', () => {
  it('loses no request of undici pools and http.Agents', async () => {
    const path = reportPath();
    const program = runProgram(SERVICE, { LASTCALL_REPORT: path });
    const port = await program.port;
    const agent = new http.Agent({ keepAlive: true, maxSockets: 10 });
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 10, pipelining: 1 });
    const tally = await stopUnderLoad(program, (counted) => [
      ...Array.from({ length: 10 }, () =>
        sendUntilRefused(counted, () => withAgent(port, agent, '/')),
      ),
      ...Array.from({ length: 5 }, () =>
        sendUntilRefused(counted, () => withPool(pool, '/', 'GET')),
      ),
      ...Array.from({ length: 5 }, () =>
        sendUntilRefused(counted, () => withPool(pool, '/', 'POST')),
      ),
      sendUntilRefused(counted, () => withAgent(port, agent, '/slow')),
    ]);
    expect(tally.lost).toEqual([]);
    expect(tally.answered).toBeGreaterThan(200);
    expect(await program.ended).toMatchObject({ signal: 'SIGTERM' });
    expect(readReport(path)).toMatchObject({ ok: true, hammerMs: null });
    agent.destroy();
    await pool.destroy();
  });

  it('answers a request that is under way when the signal comes, and one that curl sends during the hold', async () => {
    const program = runProgram(SERVICE);
    const port = await program.port;
    const slow = run('curl', ['-sS', '-i', `http://127.0.0.1:${port}/slow`]);
    await run('curl', ['-sS', `http://127.0.0.1:${port}/`]);
    program.kill('SIGTERM');
    const late = await run('curl', ['-sS', '-i', `http://127.0.0.1:${port}/`]);
    expect((await slow).stdout).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*ok$/);
    expect(late.stdout).toMatch(/^HTTP\/1\.1 200 OK/);
    expect((await program.ended).signal).toBe('SIGTERM');
  });
});

describe('SIGTERM', () => {
  it('turns /readyz to 503 at once while the service still serves', async () => {
    const program = runProgram(SERVICE);
    const port = await program.port;
    const status = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
    expect([await status('/readyz'), await status('/livez')]).toEqual([200, 200]);
    program.kill('SIGTERM');
    while ((await status('/readyz')) === 200);
    expect([await status('/readyz'), await status('/livez'), await status('/')]).toEqual([
      503, 200, 200,
    ]);
    await program.ended;
  });

  it('lets a WebSocket close with 1001', async () => {
    const program = runProgram(`
      const server = require('node:http').createServer();
      const { WebSocketServer } = require('ws');
      const sockets = new WebSocketServer({ server });
      sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))));
      attachHttp(server, { name: 'chat' });
      up(server);`);
    const socket = new WebSocket(`ws://127.0.0.1:${await program.port}/room`);
    await once(socket, 'open');
    socket.send('hello');
    await once(socket, 'message');
    program.kill('SIGTERM');
    const [code] = await once(socket, 'close');
    expect(code).toBe(1001);
    const end = await program.ended;
    expect(end.signal).toBe('SIGTERM');
    expect(end.err).toMatch(/intake\s+chat\s+ok/);
  });

  it('ends server-sent events through drainSignal()', async () => {
    const program = runProgram(`
      const server = require('node:http').createServer((request, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write('data: hello\\n\\n');
        drainSignal(server).addEventListener('abort', () => response.end('event: bye\\n\\n'));
      });
      attachHttp(server, { name: 'events' });
      up(server);`);
    const response = await fetch(`http://127.0.0.1:${await program.port}/`);
    program.kill('SIGTERM');
    expect(await response.text()).toBe('data: hello\n\nevent: bye\n\n');
    expect((await program.ended).err).toMatch(/intake\s+events\s+ok/);
  });

  it.each([
    ['http2.createServer()', 'http', `require('node:http2').createServer(handle)`],
    [
      'http2.createSecureServer()',
      'https',
      `require('node:http2').createSecureServer({ key: read('localhost.key.pem'), cert: read('localhost.cert.pem') }, handle)`,
    ],
  ])('finishes the streams of %s and says GOAWAY', async (_, scheme, server) => {
    const program = runProgram(`
      const read = (name) => require('node:fs').readFileSync('${fixtures}/' + name);
      const handle = (request, response) => { say('got ' + request.url); setTimeout(() => response.end('ok'), 1500); };
      const server = ${server};
      attachHttp(server, { name: 'h2' });
      up(server);`);
    const client = http2.connect(`${scheme}://localhost:${await program.port}`, {
      rejectUnauthorized: false,
    });
    const stream = client.request({ ':path': '/slow' });
    await program.saw('got /slow');
    const goaway = once(client, 'goaway');
    const closed = once(client, 'close');
    program.kill('SIGTERM');
    expect((await stream.toArray()).join('')).toBe('ok');
    const [code] = await goaway;
    await closed;
    expect(code).toBe(http2.constants.NGHTTP2_NO_ERROR);
    expect((await program.ended).err).toMatch(/intake\s+h2\s+ok/);
  });

  it('twice, before anything is drained, says what is lost', async () => {
    const path = reportPath();
    const program = runProgram(
      `
      const server = require('node:http').createServer(() => say('asked'));
      attachHttp(server, { name: 'web' });
      proc.events.on('state', ({ state }) => say(state));
      up(server);`,
      { LASTCALL_REPORT: path },
    );
    const lost = http.get({ port: await program.port, path: '/lost?token=1', agent: false });
    const failed = once(lost, 'error');
    await program.saw('asked');
    program.kill('SIGTERM');
    await program.saw('wrapping-up');
    program.kill('SIGTERM');
    const { err } = await program.ended;
    await failed;
    expect(err).toMatch(
      /killed by a second signal at \d+ ms; never called: web; in flight: http request x1\n +in flight: kind http request, name GET \/lost, owner web, state waiting/,
    );
    expect(readReport(path).inFlight).toMatchObject({
      counts: { 'http request': 1 },
      oldest: [{ name: 'GET /lost', owner: 'web', peer: expect.stringMatching(/^127\.0\.0\.1:/) }],
    });
  });

  it('has no address of a connection that it has just cut, and says none', async () => {
    const program = runProgram(`
      proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 200, waitTimeMs: 201 });
      const server = require('node:http').createServer(() => say('asked'));
      attachHttp(server);
      up(server);`);
    const request = http.get({ port: await program.port, host: '127.0.0.1', agent: false });
    const failed = once(request, 'error');
    await program.saw('asked');
    program.kill('SIGTERM');
    const { err } = await program.ended;
    await failed;
    expect(err).toContain('still alive');
    expect(err).not.toContain('undefined');
  });

  it('cuts what does not end at the hammer, names it, and still closes the pool', async () => {
    const path = reportPath();
    const program = runProgram(
      `
      proc.setup({ wrapUpTimeMs: 50, hammerTimeMs: 150, waitTimeMs: 5000 });
      const server = require('node:http').createServer((request) => say('got ' + request.url));
      attachHttp(server, { name: 'web' });
      proc.onShutdown(() => say('pool closed'), { name: 'pool' });
      up(server);`,
      { LASTCALL_REPORT: path },
    );
    const request = http.get({ port: await program.port, path: '/stuck?token=1', agent: false });
    const cut = once(request, 'error');
    await program.saw('got /stuck');
    program.kill('SIGTERM');
    await cut;
    const end = await program.ended;
    expect(end).toMatchObject({ signal: 'SIGTERM', out: expect.stringContaining('pool closed') });
    expect(end.err).toMatch(
      /hammer at \d+ ms \(hammerTimeMs\): what is in flight is cut; not settled: web/,
    );
    const report = readReport(path);
    expect(report).toMatchObject({ ok: false, forced: null });
    expect(report.listeners.find(({ stage }) => stage === 'intake')).toMatchObject({
      outcome: 'cut',
      drained: 0,
      cut: [
        {
          method: 'GET',
          peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
          ageMs: expect.any(Number),
        },
      ],
    });
  });

  it.each(['h2c', 'h2'])(
    'waits for a client of %s that reads late what the kernel holds',
    async (kind) => {
      const size = 1 << 20;
      const program = runProgram(`
      const { readFileSync } = require('node:fs');
      const http2 = require('node:http2');
      proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 15000, waitTimeMs: 20000 });
      const key = () => readFileSync('${fixtures}/localhost.key.pem');
      const cert = () => readFileSync('${fixtures}/localhost.cert.pem');
      const server = '${kind}' === 'h2c' ? http2.createServer() : http2.createSecureServer({ key: key(), cert: cert() });
      server.on('stream', (stream) => {
        say('asked');
        proc.done.addEventListener('abort', () => {
          stream.respond();
          stream.end(Buffer.alloc(${size}));
        });
        stream.on('close', () => setTimeout(() => say('a second later'), 1000));
      });
      attachHttp(server);
      up(server);`);
      const upstream = net.connect(await program.port);
      let downstream: net.Socket | undefined;
      const relay = net
        .createServer((socket) => {
          downstream = socket;
          upstream.pipe(socket).pipe(upstream);
        })
        .listen(0);
      const { port } = relay.address() as net.AddressInfo;
      const client = http2.connect(`${kind === 'h2' ? 'https' : 'http'}://localhost:${port}`, {
        rejectUnauthorized: false,
        settings: { initialWindowSize: 2 * size },
      });
      await once(client, 'remoteSettings');
      client.setLocalWindowSize(2 * size);
      const stream = client.request({ ':path': '/' });
      await program.saw('asked');
      upstream.unpipe().pause();
      program.kill('SIGTERM');
      await program.saw('a second later');
      if (downstream !== undefined) upstream.pipe(downstream);
      expect(Buffer.concat(await stream.toArray())).toHaveLength(size);
      relay.close();
      expect((await program.ended).signal).toBe('SIGTERM');
    },
  );

  it.each(['hammer', 'second signal'])(
    'tells the app what the %s cut, before it ends',
    async (by) => {
      const program = runProgram(`
      proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: ${by === 'hammer' ? 150 : 20_000}, waitTimeMs: 30000 });
      const server = require('node:http').createServer((request, response) => {
        request.on('close', () => say('request closed'));
        response.on('close', () => say('response closed, finished: ' + response.writableFinished));
        request.socket.on('close', () => say('socket closed'));
        response.write('begun');
      });
      attachHttp(server);
      proc.events.on('listenerStart', ({ stage }) => stage && say('draining'));
      up(server);`);
      const request = http.get({ port: await program.port, agent: false });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      const cut = once(response, 'error');
      program.kill('SIGTERM');
      await program.saw('draining');
      if (by === 'second signal') program.kill('SIGTERM');
      await cut;
      const { out } = await program.ended;
      expect(out).toContain('request closed');
      expect(out).toContain('response closed, finished: false');
      expect(out).toContain('socket closed');
    },
  );
});

describe('an upgrade', () => {
  it('leaves idle connections the time that they were promised, unless lingerMs says otherwise', async () => {
    const program = runProgram(`
      const { createServer } = require('node:http');
      const listen = (options) => {
        const server = createServer((request, response) => response.end('ok'));
        attachHttp(server, options);
        server.listen(0, '127.0.0.1', () => say(options.name + ' at port ' + server.address().port + '.'));
      };
      proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 10_000, waitTimeMs: 15_000 });
      listen({ name: 'own', lingerMs: 2000 });
      listen({ name: 'web' });
      process.once('SIGHUP', () => proc.shutdown('upgrade'));`);
    const [own, web] = await Promise.all(['own', 'web'].map((name) => idlePeer(program, name)));
    program.kill('SIGHUP');
    expect(await own?.ended()).toBe('end');
    await web?.get('/late').got(/ok$/);
    expect(web?.connectionHeaders).toEqual(['close']);
    expect(await program.ended).toMatchObject({ code: 0 });
  });
});

/** A connection to that server of the program on which one request has been answered. */
async function idlePeer(program: Program, name: string): Promise<Peer> {
  const port = Number(await program.find(new RegExp(`${name} at port (\\d+)\\.`)));
  const peer = await Peer.tcp({ port, host: '127.0.0.1' });
  await peer.get('/').got(/ok$/);
  peer.received = '';
  return peer;
}
