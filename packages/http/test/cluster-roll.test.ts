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
