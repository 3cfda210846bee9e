import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../../tools/eventually';
import { within } from './harness/deadline';
import { withAgent } from './harness/load';
import { runProgram } from './run-program';

/** In all of them: `has(name)` and `note(name)` for files, by which one process waits for another without a turn. */
const NOTES = `
  const { existsSync, writeFileSync } = require('node:fs');
  const fileOf = (name) => process.env.TEST_FOLDER + '/' + name;
  const has = (name) => existsSync(fileOf(name));
  const note = (name) => writeFileSync(fileOf(name), '');`;

/**
 * Closes its listener once the primary does not read what it writes any more. Then it either says something more to the
 * primary, for which it has to wait, or comes to its end; there it stays until the primary has sent it a connection.
 */
const WORKER = `
  ${NOTES}
  const { proc } = require('@lastcall/proc');
  const { attachHttp } = require('@lastcall/http');
  const spinUntil = (name) => {
    for (const end = performance.now() + 10_000; performance.now() < end && !has(name); );
  };
  const server = require('node:http').createServer((request, response) => response.end('ok'));
  proc.setup({ wrapUpTimeMs: 50 });
  attachHttp(server, { name: 'web' });
  server.listen(0, '127.0.0.1', () => {
    const { close } = server._handle;
    server._handle.close = function () {
      server._handle.close = close;
      process.send('closing');
      spinUntil('deaf');
      const result = close.call(this);
      const { send } = process;
      process.send = function (...message) {
        note('waits or ends');
        return send.apply(this, message);
      };
      return result;
    };
    process.send('up');
  });
  process.on('exit', () => {
    note('waits or ends');
    spinUntil('sent');
  });`;

/** Of two workers, the first of which it ends; it is deaf to it from 'closing' until it has sent it a connection. */
const PRIMARY = `
  ${NOTES}
  const cluster = require('node:cluster');
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({ exec: '-', execArgv: ['-e', ${JSON.stringify(WORKER)}] });
  const [rolled, other] = [cluster.fork(), cluster.fork()];
  let started = 0;
  cluster.on('message', (worker, text) => {
    if (text === 'up' && ++started === 2) rolled.process.kill('SIGTERM');
    if (text === 'closing' && worker === rolled) beDeaf();
  });
  cluster.on('listening', (worker, { port }) => worker === rolled && say('port ' + port + '.'));
  const beDeaf = () => {
    const key = Object.getOwnPropertySymbols(rolled.process).find(({ description }) => description === 'kChannelHandle');
    const channel = rolled.process[key];
    const { send } = rolled.process;
    rolled.process.send = function (message, ...rest) {
      const result = send.call(this, message, ...rest);
      if (message.act !== 'newconn') return result;
      rolled.process.send = send;
      note('sent');
      channel.readStart();
      return result;
    };
    channel.readStop();
    note('deaf');
  };
  rolled.on('exit', (code, signal) => say('rolled ended by ' + signal));
  other.on('exit', () => process.exit(0));
  process.on('SIGTERM', () => other.process.kill('SIGKILL'));`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cluster-roll-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a worker of a cluster that stops alone', () => {
  it('does not end before the primary, which is busy, has taken back the connections that it sends until then', async () => {
    const program = runProgram(PRIMARY, { TEST_FOLDER: folder });
    const port = await program.port;
    await eventually(() => existsSync(join(folder, 'waits or ends')), Boolean);
    // In turns: one of two goes to the worker that stops.
    const requests = [1, 2].map((number) =>
      within(`request ${number}`, withAgent(port, false as never, '/')),
    );
    expect(await Promise.all(requests)).toEqual([200, 200]);
    await program.saw('rolled ended by SIGTERM');
    program.kill('SIGTERM');
    await program.ended;
  });
});

/** Of one worker, which it asks to stop and does not listen to until that has ended; then it comes to its messages. */
const BLOCKED_PRIMARY = (policy: string): string => `
  const cluster = require('node:cluster');
  const { execFileSync } = require('node:child_process');
  cluster.schedulingPolicy = cluster.${policy};
  cluster.setupPrimary({ exec: '-', execArgv: ['-e', \`
    const { proc } = require('@lastcall/proc');
    const { attachHttp } = require('@lastcall/http');
    const server = require('node:http').createServer();
    proc.setup({ wrapUpTimeMs: 50, hammerTimeMs: 600, logger: false });
    attachHttp(server);
    server.listen(0, '127.0.0.1', () => process.send('up'));
  \`] });
  const worker = cluster.fork();
  const { pid } = worker.process;
  const hasEnded = () => execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z');
  worker.on('message', () => {
    worker.process.kill('SIGTERM');
    for (const end = performance.now() + 10_000; performance.now() < end && !hasEnded(); );
    say('ended: ' + hasEnded());
  });
  cluster.on('exit', (worker, code, signal) => {
    say('by ' + signal);
    // What failed by then is told by then.
    setImmediate(() => process.exit(0));
  });`;

describe.each(['SCHED_RR', 'SCHED_NONE'])(
  'a primary that was blocked while a worker stopped (%s)',
  (policy) => {
    it('is not brought down by what the worker, which has ended since, asked it', async () => {
      const program = runProgram(BLOCKED_PRIMARY(policy));
      const { out, err, code } = await program.ended;
      expect({ out, err, code }).toEqual({ out: 'ended: true\nby SIGTERM\n', err: '', code: 0 });
    });
  },
);
