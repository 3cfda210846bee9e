import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { itWith } from '../../proc/test/harness/needs';
import { freePort } from '../../restart/test/harness/free-port';
import { logged } from '../../restart/test/harness/logged';
import { ask, hold, isAlive, send } from '../../restart/test/harness/service';
import { commandRoom } from './harness/command-room';
import { endOf, supervisorOf, workersOf } from './harness/run-service';
import { succeeded } from './harness/succeeded';

const room = commandRoom();
const { lastcall, run } = room;

/** A file that makes generations behave while it is there. */
function flag(): { readonly unless: string; set(): void; clear(): void } {
  const unless = join(room.folder, 'mended');
  return { unless, set: () => writeFileSync(unless, ''), clear: () => rmSync(unless) };
}

describe('a worker that has no predecessor is told that it is alone', () => {
  it('the first one, whose hooks are not called for that', async () => {
    await using service = run({ plan: { '*': { cron: true } } });
    await service.saw({ generation: 1, cron: 'parentGone' });
    await service.ready(1);
    send(supervisorOf(service), 'SIGHUP');
    await service.saw({ generation: 2, cron: 'after parent-gone' });
    expect(
      service.events.some(
        ({ generation, cron }) => generation === 1 && cron === 'after parent-gone',
      ),
    ).toBe(false);
  });

  it('one that is started after a crash, whose hooks are', async () => {
    await using service = run({ plan: { '*': { cron: true } } });
    await service.ready(1);
    send(supervisorOf(service), 'SIGHUP');
    const { pid } = await service.saw({ generation: 2, cron: 'after parent-gone' });
    const since = service.events.length;
    send(pid, 'SIGKILL');
    await service.saw({ generation: 2, cron: 'after parent-gone' }, since);
    await service.saw({ generation: 2, cron: 'parentGone' }, since);
  });

  it('not before every older one has ended', async () => {
    const lifecycle = { hammerTimeMs: 60_000, waitTimeMs: 61_000 };
    await using service = run({ plan: { '*': { cron: true, lifecycle } } });
    const address = await service.address();
    const first = await service.ready(1);
    const held = hold(address);
    await service.saw({ request: '/held' });
    for (const generation of [2, 3]) {
      await succeeded(lastcall('reload', String(supervisorOf(service))));
      await service.ready(generation);
    }
    await service.gone((await service.saw({ generation: 2, ready: true })).pid);
    expect(isAlive(first)).toBe(true);
    held.release();
    await service.saw({ generation: 3, cron: 'parentGone' });
    expect(isAlive(first)).toBe(false);
    expect(await held.answer).toBe(`1:${first}`);
  });
});

it('a worker that is started anew and hangs before it is ready is ended, and the next one serves', async () => {
  const { unless, set, clear } = flag();
  set();
  await using service = run({
    plan: { '*': { fault: 'listen', how: 'hang', unless } },
    options: ['--ready-timeout', '2'],
  });
  const address = await service.address();
  const first = await service.ready(1);
  clear();
  send(first, 'SIGKILL');
  const { pid } = await service.saw({ fault: 'listen' });
  set();
  await service.gone(pid);
  await logged(service, `process ${pid} is not ready after 2000 ms`);
  expect(await ask(address)).toMatch(/^1:/);
});

it('SIGHUP while a worker that was started anew hangs brings the next generation', async () => {
  const { unless, set, clear } = flag();
  set();
  await using service = run({ plan: { 1: { fault: 'listen', how: 'hang', unless } } });
  const address = await service.address();
  const first = await service.ready(1);
  clear();
  send(first, 'SIGKILL');
  const { pid } = await service.saw({ fault: 'listen' });
  send(supervisorOf(service), 'SIGHUP');
  const next = await service.ready(2);
  await service.gone(pid);
  expect(await ask(address)).toBe(`2:${next}`);
});

it('the old worker is ended by hand while the new one fails: nobody serves then, and the next one is started', async () => {
  await using service = run({
    plan: { 2: { fault: 'listen', how: 'hang' } },
    options: ['--ready-timeout', '3'],
  });
  const address = await service.address();
  const old = await service.ready(1);
  send(supervisorOf(service), 'SIGHUP');
  const pid = await service.started(2);
  const since = service.events.length;
  send(old, 'SIGTERM');
  await service.gone(old);
  const next = await service.saw({ generation: 1, ready: true }, since);
  await service.gone(pid);
  expect(await ask(address)).toBe(`1:${next.pid}`);
  await logged(service, 'the upgrade failed: the new worker');
  expect(service.err).not.toContain('serves on');
});

it('the new worker is ended by hand before the old one is let go: that one serves on, and nothing is cut', async () => {
  await using service = run({
    options: ['--bake', '4'],
    env: { LASTCALL_HAMMER_TIME_MS: '15000', LASTCALL_WAIT_TIME_MS: '16000' },
  });
  const address = await service.address();
  const old = await service.ready(1);
  const reload = lastcall('reload', String(supervisorOf(service)));
  const next = await service.ready(2);
  // Both accept: some of them come to the new one, and hold up its end until the time to bake is over.
  const answers: Promise<string>[] = [];
  const isHeldUp = (): boolean =>
    service.events.some(({ pid, request }) => pid === next && request === '/slow');
  while (!isHeldUp()) {
    answers.push(ask(address, '/slow?ms=6000'));
    await ask(address);
  }
  send(next, 'SIGTERM');
  expect((await reload).code).toBe(1);
  for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^[12]:/);
  expect(await ask(address)).toBe(`1:${old}`);
  await service.saw({ pid: next, report: 'SIGTERM', ok: true });
});

it('crashes of the generation before do not count against the next one', async () => {
  const crash = { fault: 'bake', how: 'exit', afterMs: 0 };
  const { unless, set } = flag();
  await using service = run({
    options: ['--max-restarts', '3', '--bake', '0.01'],
    plan: { '*': { ...crash, unless } },
  });
  await service.when('a third process', () =>
    service.events.filter(({ ready }) => ready).length >= 3 ? true : undefined,
  );
  set();
  await succeeded(lastcall('reload', String(supervisorOf(service))));
  const next = await service.ready(2);
  const since = service.events.length;
  send(next, 'SIGKILL');
  const { pid } = await service.saw({ generation: 2, ready: true }, since);
  send(pid, 'SIGKILL');
  await service.saw({ generation: 2, ready: true }, since + 4);
});

it('a program that is gone is tried as often as one that crashes, then the service ends', async () => {
  const node = join(room.folder, 'node');
  writeFileSync(node, `#!/bin/sh\nexec "${process.execPath}" "$@"\n`);
  chmodSync(node, 0o755);
  await using service = run({ program: node, options: ['--max-restarts', '2'] });
  const pid = await service.ready(1);
  rmSync(node);
  send(pid, 'SIGKILL');
  expect(await endOf(service)).toEqual([127, null]);
  expect(service.err).toContain('given up');
});

it('what a worker has started goes with it when it does not end in time, and the log says so', async () => {
  const script = join(room.folder, 'deaf');
  writeFileSync(script, `#!/bin/sh\ntrap '' TERM\n"${process.execPath}" "$@"\n`);
  chmodSync(script, 0o755);
  await using service = run({ program: script, options: ['--kill-timeout', '1'] });
  const inner = await service.ready(1);
  send(supervisorOf(service), 'SIGTERM');
  expect(await endOf(service)).toEqual([137, null]);
  await service.gone(inner);
  expect(service.err).toMatch(
    /process \d+ has not ended within 1000 ms \(--kill-timeout\): it is killed/,
  );
});

it('a worker that fails takes the sockets that it has bound with it, and those before are still held', async () => {
  const host = '127.0.0.1';
  const [before, after] = [await freePort(), await freePort()];
  const path = join(room.folder, 'new.sock');
  const sockets = [
    { name: 'web', port: after, host },
    { name: 'new', path },
  ];
  const { unless, set } = flag();
  await using service = run({
    // The last one is to be ready by then, on a busy machine, too.
    options: ['--ready-timeout', '6'],
    plan: {
      1: { sockets: [{ name: 'web', port: before, host }] },
      // It has time to give them up.
      2: { sockets, fault: 'ready', how: 'hang', unless },
    },
  });
  const old = await service.ready(1);
  expect((await lastcall('reload', String(supervisorOf(service)))).code).toBe(1);
  await logged(service, 'the upgrade failed, generation 1 serves on: the new worker');
  await expect(ask(`${host}:${after}`)).rejects.toThrow('ECONNREFUSED');
  expect(existsSync(path)).toBe(false);
  // While no worker is up, clients wait.
  send(old, 'SIGKILL');
  await service.gone(old);
  expect(await ask(`${host}:${before}`)).toMatch(/^1:/);
  set();
  await succeeded(lastcall('reload', String(supervisorOf(service))));
  expect(await ask(`${host}:${after}`)).toMatch(/^2:/);
  expect(await ask(path)).toMatch(/^2:/);
});

it('a signal that goes to the supervisor and to its workers is one: nothing is cut', async () => {
  await using service = run({ options: ['--workers', '4'] });
  const address = await service.address();
  const workers = await workersOf(service, 1, 4);
  const answers: Promise<string>[] = [];
  const busy = (): Set<number> =>
    new Set(service.events.filter(({ request }) => request).map(({ pid }) => pid));
  while (busy().size < 4) {
    answers.push(ask(address, '/slow?ms=2000'));
    await ask(address);
  }
  // As systemd does by default.
  for (const pid of [supervisorOf(service), ...workers]) send(pid, 'SIGTERM');
  for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^1:/);
  expect(await endOf(service)).toEqual([null, 'SIGTERM']);
});

it('the supervisor stands still until the time to be ready is over: that the new worker was ready counts', async () => {
  await using service = run({
    // So long may a new worker take to begin on a busy machine.
    options: ['--ready-timeout', '8'],
    plan: { 2: { readyAfterMs: 200 } },
  });
  const old = await service.ready(1);
  send(supervisorOf(service), 'SIGHUP');
  await service.saw({ generation: 2, begun: true });
  // The time to be ready itself: a supervisor that stands still tells nobody that it is over, so no event can be waited for.
  const isOver = new Promise((resolve) => setTimeout(resolve, 8000));
  send(supervisorOf(service), 'SIGSTOP');
  await service.ready(2);
  await isOver;
  send(supervisorOf(service), 'SIGCONT');
  await service.saw({ pid: old, step: 'done' });
});

it('who connects when the workers have closed their sockets is refused at once, and not reset when they have drained', async () => {
  await using service = run({
    env: { LASTCALL_HAMMER_TIME_MS: '20000', LASTCALL_WAIT_TIME_MS: '22000' },
  });
  const address = await service.address();
  await service.ready(1);
  const slow = ask(address, '/slow?ms=18000').catch(() => 'cut');
  await service.saw({ request: '/slow' });
  send(supervisorOf(service), 'SIGTERM');
  const answer = (): Promise<string> => ask(address).catch(({ code }) => code);
  // The worker goes on accepting until its stop comes to the sockets.
  while (/^1:/.test(await answer()));
  expect(await answer()).toBe('ECONNREFUSED');
  expect(await Promise.race([slow, 'in flight'])).toBe('in flight');
  service.kill();
  await slow;
});

itWith(['python3'])(
  'SIGHUP is an upgrade on a terminal, too, where LASTCALL_UPGRADE_ON_TERMINAL says so',
  async () => {
    const pidFile = join(room.folder, 'service.pid');
    await using service = run({
      under: ['python3', '-c', 'import pty, sys; pty.spawn(sys.argv[1:])'],
      options: ['--pid-file', pidFile],
      env: { LASTCALL_UPGRADE_ON_TERMINAL: 'true' },
    });
    await service.ready(1);
    const supervisor = Number(readFileSync(pidFile, 'utf8'));
    try {
      send(supervisor, 'SIGHUP');
      await service.ready(2);
    } finally {
      send(supervisor, 'SIGKILL');
    }
  },
);
