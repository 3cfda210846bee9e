import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sendUntilRefused, stopUnderLoad, withAgent } from './harness/load';
import { runProgram } from './run-program';

/** Says 'closing' right before it closes its listener, and writes a file of that name. */
const WORKER = `
  const { proc } = require('@lastcall/proc');
  const { attachHttp } = require('@lastcall/http');
  const { writeFileSync } = require('node:fs');
  const server = require('node:http').createServer((request, response) => setTimeout(() => response.end('ok'), 5));
  proc.setup({ wrapUpTimeMs: 50 });
  attachHttp(server, { name: 'web' });
  server.listen(0, '127.0.0.1', () => {
    const { close } = server._handle;
    server._handle.close = function () {
      server._handle.close = close;
      process.send('closing');
      writeFileSync(process.env.TEST_FOLDER + '/closing ' + process.pid, '');
      return close.call(this);
    };
  });`;

/**
 * Of a cluster of two, which ends with its workers: signals both at its SIGTERM. When the first is about to
 * close its listener, the primary says so, and is `busy` from then on: what workers tell it, and connections, wait.
 */
const primary = (policy: string, busy: string): string => `
  const cluster = require('node:cluster');
  const { readdirSync } = require('node:fs');
  cluster.schedulingPolicy = cluster.${policy};
  cluster.setupPrimary({ exec: '-', execArgv: ['-e', ${JSON.stringify(WORKER)}] });
  const workers = [cluster.fork(), cluster.fork()];
  let listening = 0;
  let ended = 0;
  cluster.on('listening', (worker, { port }) => ++listening === 2 && say('port ' + port + '.'));
  const spin = (ms, isOver = () => false) => {
    for (const end = performance.now() + ms; performance.now() < end && !isOver(); );
  };
  cluster.once('message', () => {
    say('busy');
    ${busy}
  });
  cluster.on('exit', (worker, code, signal) => {
    say('worker ended by ' + signal);
    if (++ended === 2) process.exit(0);
  });
  process.on('SIGTERM', () => {
    for (const worker of workers) worker.process.kill('SIGTERM');
  });`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cluster-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe.each(['SCHED_RR', 'SCHED_NONE'])('a worker of a cluster (%s)', (policy) => {
  it('is known by the handle of its server', async () => {
    const source = `
      const { listensThroughPrimary } = require('./dist/node-internals');
      const say = (name, options) => {
        const server = require('node:http').createServer();
        const tell = () => process.send(name + ': ' + listensThroughPrimary(server));
        if (options === undefined) return tell();
        server.listen({ port: 0, host: '127.0.0.1', ...options }, tell);
      };
      process.once('message', () => say('own', { exclusive: true }));
      say('none');
      say('shared', {});`;
    const program = runProgram(`
      const cluster = require('node:cluster');
      cluster.schedulingPolicy = cluster.${policy};
      cluster.setupPrimary({ exec: '-', execArgv: ['-e', ${JSON.stringify(source)}] });
      const worker = cluster.fork();
      worker.on('message', (text) => {
        say(text);
        if (text.startsWith('shared')) worker.send('next');
        if (text.startsWith('own')) worker.process.kill();
      });`);
    expect((await program.ended).out).toBe('none: false\nshared: true\nown: false\n');
  });
});

describe.each(['SCHED_RR', 'SCHED_NONE'])('a stop of all workers of a cluster (%s)', (policy) => {
  it('loses no request of clients that keep their connections, also when the primary is busy', async () => {
    // Longer than a client that is told to close needs to come back, after whatever time.
    const busy = `spin(5000, () => readdirSync(process.env.TEST_FOLDER).length === 2); spin(600);`;
    const program = runProgram(primary(policy, busy), { TEST_FOLDER: folder });
    const port = await program.port;
    const agent = new Agent({ keepAlive: true, maxSockets: 10 });
    const tally = await stopUnderLoad(program, (counted) =>
      Array.from({ length: 10 }, () =>
        sendUntilRefused(counted, () => withAgent(port, agent, '/')),
      ),
    );
    expect(tally.lost).toEqual([]);
    const { out } = await program.ended;
    expect(out.match(/worker ended by SIGTERM/g)).toHaveLength(2);
    agent.destroy();
  });
});
