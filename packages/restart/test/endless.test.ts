import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { itWith } from '../../proc/test/harness/needs';
import { ask, Service, send } from './harness/service';

const PACKAGE = join(__dirname, '..');

/** A program of its own, whose lines of JSON are events of a service. */
function run(source: string, env: Record<string, string> = {}): Service {
  const preamble = `
    const http = require('node:http');
    const { proc, signals } = require('@lastcall/proc');
    const { attachHttp } = require('@lastcall/http');
    const { restart } = require('@lastcall/restart');
    const say = (event) => require('node:fs').writeSync(1, JSON.stringify({ pid: process.pid, generation: restart.generation, ...event }) + '\\n');
    proc.events.on('upgrade', ({ step, pid, error }) => say({ step, successor: pid, code: error?.code, message: error?.message }));
    const server = http.createServer((request, response) => {
      if (request.url === '/slow') say({ request: '/slow' });
      setTimeout(() => response.end(restart.generation + ':' + process.pid), request.url === '/slow' ? 60000 : 0);
    });
    const up = async (options) => {
      attachHttp(server);
      say({ bound: await restart.listen(server, { name: 'web', port: 0, host: '127.0.0.1', ...options }) });
      await restart.ready();
      say({ ready: true });
    };
    restart.setup({ bakeMs: 50 });`;
  return new Service({ args: ['-e', preamble + source], cwd: PACKAGE, env });
}

it('beforeBegin is called with the address, before the first connection, in every generation', async () => {
  await using service = run(`up({ beforeBegin: (address) => say({ begin: address }) });`);
  const address = await service.address();
  const old = await service.ready(1);
  send(old, 'SIGHUP');
  await service.ready(2);
  const begins = service.events.filter(({ begin }) => begin !== undefined);
  expect(begins.map(({ generation, begin }) => [generation, begin])).toEqual([
    [1, address],
    [2, address],
  ]);
  expect(service.events.findIndex(({ begin }) => begin !== undefined)).toBeLessThan(
    service.events.findIndex(({ bound }) => bound !== undefined),
  );
});

it('a beforeBegin that throws makes listen() reject, and nothing listens', async () => {
  await using service = run(`
    restart.listen(server, { name: 'web', port: 0, beforeBegin: () => { throw new Error('no'); } })
      .catch((error) => say({ failed: error.message, listening: server.listening }));`);
  await service.saw({ failed: 'no', listening: false });
});

it('what a beforeBegin throws is what listen() rejects with, on a socket that was handed over, too', async () => {
  await using service = run(`
    const beforeBegin = () => { if (restart.generation === 2) throw new TypeError('no'); };
    up({ beforeBegin }).catch((error) => say({ failed: String(error), listening: server.listening }));`);
  const old = await service.ready(1);
  send(old, 'SIGHUP');
  await service.saw({ generation: 2, failed: 'TypeError: no', listening: false });
});

describe('hooks', () => {
  it.each(['SIGHUP', 'SIGTERM', 'SIGINT', 'SIGUSR1', 'SIGUSR2', 'SIGTSTP'] as const)(
    'hooks run before and after what %s does',
    async (signal) => {
      await using service = run(
        `
        const signal = '${signal}';
        signals.before(signal, () => say({ hook: 'before', state: proc.state + restart.status().state }));
        signals.after(signal, () => say({ hook: 'after', state: proc.state + restart.status().state }));
        up();`,
        { LASTCALL_DUMP_SIGNAL: 'none', LASTCALL_PROFILE_SIGNAL: 'none' },
      );
      const pid = await service.ready(1);
      send(pid, signal);
      const before = await service.saw({ hook: 'before' });
      expect(before.state).toBe('runningserving');
      const after = await service.saw({ hook: 'after' });
      const expected = {
        SIGHUP: 'runningupgrading',
        SIGTERM: 'wrapping-upstopping',
        SIGINT: 'wrapping-upstopping',
        SIGUSR1: 'runningserving',
        SIGUSR2: 'runningserving',
        SIGTSTP: 'runningserving',
      }[signal];
      expect(after.state).toBe(expected);
      // A job that was stopped is to end, too.
      send(pid, 'SIGCONT');
    },
  );
});

describe('signals of endless', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'SIGTERM and SIGINT drain and end the process: %s',
    async (signal) => {
      await using service = run(`up();`);
      const pid = await service.ready(1);
      send(pid, signal);
      await service.gone(pid);
      expect((await service.exited).signal).toBe(signal);
      await expect(ask(await service.address())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    },
  );

  it('SIGUSR2 is the hammer during the stop', async () => {
    await using service = run(`up();`, {
      LASTCALL_HAMMER_TIME_MS: '60000',
      LASTCALL_WAIT_TIME_MS: '61000',
    });
    const pid = await service.ready(1);
    const slow = ask(await service.address(), '/slow').catch(({ code }) => code);
    await service.saw({ request: '/slow' });
    send(pid, 'SIGHUP');
    await service.saw({ pid, step: 'done' });
    send(pid, 'SIGUSR2');
    expect(await slow).toBe('ECONNRESET');
    await service.gone(pid);
    expect(await ask(await service.address())).toMatch(/^2:/);
  });
});

it('the state is told', async () => {
  await using service = run(`
    say({ status: restart.status() });
    up().then(() => {
      say({ status: restart.status() });
      if (restart.generation === 1) restart.upgrade().then(() => say({ status: restart.status() }));
      else restart.parentGone.then(() => say({ status: restart.status() }));
    });`);
  await service.saw({ generation: 2, step: 'parent-gone' });
  await service.when('the last status', () =>
    service.events.filter(({ status }) => status !== undefined).length === 6 ? true : undefined,
  );
  const [old, next] = [await service.ready(1), await service.ready(2)];
  const statuses = service.events
    .filter(({ status }) => status !== undefined)
    .map(({ generation, status }) => ({ generation, ...(status as object) }) as Status);
  const first = statuses.filter(({ generation }) => generation === 1);
  const second = statuses.filter(({ generation }) => generation === 2);
  expect(first.map(({ state }) => state)).toEqual(['starting', 'serving', 'replaced']);
  expect(first.map(({ parentPid }) => parentPid)).toEqual([null, null, null]);
  expect(first[2]).toMatchObject({ successorPid: next, topology: null });
  expect(second.map(({ state }) => state)).toEqual(['starting', 'serving', 'serving']);
  expect(second.map(({ parentPid }) => parentPid)).toEqual([old, old, null]);
  expect(second[1]).toMatchObject({
    topology: 'chain',
    sockets: [{ name: 'web', inherited: true }],
  });
});

interface Status {
  readonly generation: number;
  readonly state: string;
  readonly parentPid: number | null;
}

it('the environment does not keep what was handed over', async () => {
  await using service = run(`
    up().then(() => {
      const { stdout } = require('node:child_process').spawnSync('env', { encoding: 'utf8' });
      say({ env: stdout.split('\\n').filter((line) => /^(LASTCALL_HANDOVER|LISTEN_|NODE_CHANNEL)/.test(line)) });
    });`);
  const old = await service.ready(1);
  send(old, 'SIGHUP');
  await service.ready(2);
  const { env } = await service.when('the environment', () =>
    service.events.find((event) => event.generation === 2 && event.env !== undefined),
  );
  expect(env).toEqual([]);
});

it('what the program has put into its environment is not handed on', async () => {
  await using service = run(
    `
    say({ kept: process.env.FROM_FILE ?? null, given: process.env.GIVEN });
    process.env.FROM_FILE = 'of yesterday';
    up();`,
    { GIVEN: 'at the start' },
  );
  const old = await service.ready(1);
  send(old, 'SIGHUP');
  await service.ready(2);
  await service.saw({ generation: 2, kept: null, given: 'at the start' });
});

itWith(['ss'])('the backlog is the one that was asked for, in every generation', async () => {
  await using service = run(`up({ backlog: 37 });`);
  const address = await service.address();
  const old = await service.ready(1);
  const backlog = (): string | undefined =>
    spawnSync('ss', ['-ltnH', `sport = :${address.split(':')[1]}`], { encoding: 'utf8' })
      .stdout.trim()
      .split(/\s+/)[2];
  expect(backlog()).toBe('37');
  send(old, 'SIGHUP');
  await service.saw({ pid: old, step: 'done' });
  expect(backlog()).toBe('37');
});

it('upgrade() resolves with the pid of the process that has taken over, and rejects where none has', async () => {
  await using service = run(`
    if (restart.generation === 2) process.exit(process.env.FAIL === 'yes' ? 3 : undefined);
    up().then(async () => {
      restart.setup({ command: { env: { ...process.env, FAIL: 'yes' } } });
      await restart.upgrade().catch(({ code }) => say({ rejected: code }));
      say({ still: restart.status().state });
      restart.setup({ command: { args: [], execArgv: ['-e', \`
        require('@lastcall/restart').restart.ready().then(() => setInterval(() => {}, 1000));\`] } });
      const answers = await Promise.allSettled([restart.upgrade(), restart.upgrade()]);
      say({ answers: answers.map(({ value, reason }) => value?.pid ?? reason.code) });
    });`);
  await service.saw({ rejected: 'LASTCALL_UPGRADE_CHILD_ENDED' });
  await service.saw({ still: 'serving' });
  const { answers } = await service.when('the answers', () =>
    service.events.find((event) => event.answers !== undefined),
  );
  const { successor } = await service.saw({ step: 'done' });
  expect(answers).toEqual([successor, 'LASTCALL_UPGRADE_IN_PROGRESS']);
});

it('too many generations are refused', async () => {
  await using service = run(`up();`, {
    LASTCALL_MAX_GENERATIONS: '2',
    LASTCALL_HAMMER_TIME_MS: '60000',
    LASTCALL_WAIT_TIME_MS: '61000',
  });
  const old = await service.ready(1);
  const slow = ask(await service.address(), '/slow').catch(({ code }) => code);
  await service.saw({ request: '/slow' });
  send(old, 'SIGHUP');
  const next = await service.ready(2);
  await service.saw({ pid: old, step: 'done' });
  send(next, 'SIGHUP');
  const { message } = await service.saw({
    pid: next,
    step: 'refused',
    code: 'LASTCALL_UPGRADE_TOO_MANY_GENERATIONS',
  });
  expect(message).toContain(`still draining: ${old}`);
  send(old, 'SIGUSR2');
  await slow;
  await service.gone(old);
  send(next, 'SIGHUP');
  await service.ready(3);
});
