import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Report } from '@lastcall/proc';
import { Pool } from 'undici';
import { WebSocket } from 'ws';
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

/** What a client counted. `refused` are connections that were never made: a balancer's business, not a lost request. */
interface Tally {
  answered: number;
  refused: number;
  readonly lost: string[];
}

/** Sends one request after another until the server says so no more; never retries. */
async function sendUntilRefused(tally: Tally, send: () => Promise<number>): Promise<void> {
  for (;;) {
    try {
      const status = await send();
      if (status === 200) tally.answered += 1;
      else tally.lost.push(`status ${status}`);
    } catch (error) {
      const { code, cause } = error as { code?: string; cause?: { code?: string } };
      const reason = code ?? cause?.code ?? String(error);
      if (reason === 'ECONNREFUSED') {
        tally.refused += 1;
        return;
      }
      tally.lost.push(reason);
    }
  }
}

async function withAgent(port: number, agent: http.Agent, path: string): Promise<number> {
  const request = http.get({ port, path, host: '127.0.0.1', agent });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response.statusCode ?? 0;
}

async function withPool(pool: Pool, path: string, method: 'GET' | 'POST'): Promise<number> {
  const { statusCode, body } = await pool.request({
    path,
    method,
    ...(method === 'POST' ? { body: 'data' } : {}),
  });
  await body.dump();
  return statusCode;
}

async function stopUnderLoad(
  program: Program,
  clients: (tally: Tally) => Promise<void>[],
): Promise<Tally> {
  const tally: Tally = { answered: 0, refused: 0, lost: [] };
  const running = clients(tally);
  while (tally.answered < 200) await new Promise((resolve) => setImmediate(resolve));
  program.kill('SIGTERM');
  await Promise.all(running);
  return tally;
}

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
});
