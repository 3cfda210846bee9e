import { Agent } from 'node:http';
import { sendUntilRefused, stopUnderLoad, withAgent } from './harness/load';
import { runProgram } from './run-program';

const WORKER = `
  const { proc } = require('@lastcall/proc');
  const { attachHttp } = require('@lastcall/http');
  const server = require('node:http').createServer((request, response) => setTimeout(() => response.end('ok'), 5));
  attachHttp(server, { name: 'web' });
  server.listen(0, '127.0.0.1');
  const look = () => server.listening ? setTimeout(look, 1) : process.send('closed');
  proc.done.addEventListener('abort', look);`;

/**
 * Of a cluster of two, which ends with its workers. When the first has closed its listener it is busy: what the other one
 * tells it, and the connections that come back, wait.
 */
const primary = (policy: string): string => `
  const cluster = require('node:cluster');
  cluster.schedulingPolicy = cluster.${policy};
  cluster.setupPrimary({ exec: '-', execArgv: ['-e', ${JSON.stringify(WORKER)}] });
  const workers = [cluster.fork(), cluster.fork()];
  let listening = 0;
  let ended = 0;
  cluster.on('listening', (worker, { port }) => ++listening === 2 && say('port ' + port + '.'));
  cluster.once('message', () => {
    for (const end = performance.now() + 60; performance.now() < end; );
  });
  cluster.on('exit', (worker, code, signal) => {
    say('worker ended by ' + signal);
    if (++ended === 2) process.exit(0);
  });
  process.on('SIGTERM', () => {
    for (const worker of workers) worker.process.kill('SIGTERM');
  });`;

describe.each(['SCHED_RR', 'SCHED_NONE'])('a worker of a cluster (%s)', (policy) => {
  it('is known by the handle of its server', async () => {
    const worker = `
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
      cluster.setupPrimary({ exec: '-', execArgv: ['-e', ${JSON.stringify(worker)}] });
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
  it('loses no request of clients that keep their connections', async () => {
    const program = runProgram(primary(policy));
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
