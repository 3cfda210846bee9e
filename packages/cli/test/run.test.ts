import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  describeWith,
  itWith,
  MOUNTS,
  type Need,
  nodeWith,
  PID_NAMESPACES,
} from '../../proc/test/harness/needs';
import { logged } from '../../restart/test/harness/logged';
import { NotifySocket } from '../../restart/test/harness/notify-socket';
import { ask, hold, isAlive, send } from '../../restart/test/harness/service';
import { Load } from '../../restart/test/harness/upgrade-under-load';
import { commandRoom } from './harness/command-room';
import { endOf, supervisorOf, workersOf } from './harness/run-service';
import { succeeded } from './harness/succeeded';

const BIN = join(__dirname, '..', 'bin', 'lastcall.js');
const INIT = join(__dirname, '..', 'bin', 'lastcall-init');

const room = commandRoom();
const { lastcall, run } = room;

const ENV_WITH_DEFAULT_SIGNAL: Need = {
  isThere: () => spawnSync('env', ['--default-signal=INT,QUIT', 'true']).status === 0,
  missing: 'env has no --default-signal (coreutils 8.31)',
  canBeHad: true,
};

/** Workers finish what takes long when they are replaced. */
const LASTING = { LASTCALL_HAMMER_TIME_MS: '60000', LASTCALL_WAIT_TIME_MS: '61000' };

describe('lastcall run', () => {
  it('has several workers on one socket, and replaces them one after the other', async () => {
    await using service = run({ options: ['--workers', '2'] });
    const address = await service.address();
    const first = await workersOf(service, 1, 2);
    send(supervisorOf(service), 'SIGHUP');
    const second = await workersOf(service, 2, 2);
    const steps = service.events.filter(({ step, ready }) => step === 'done' || ready);
    // The second worker is started when the first one's successor has taken over.
    expect(steps.findIndex(({ step }) => step === 'done')).toBeLessThan(
      steps.findLastIndex(({ ready }) => ready),
    );
    await Promise.all(first.map((pid) => service.gone(pid)));
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(address)));
    for (const answer of answers) expect(second).toContain(Number(answer.split(':')[1]));
    send(supervisorOf(service), 'SIGTERM');
    expect(await endOf(service)).toEqual([null, 'SIGTERM']);
    for (const pid of second) expect(isAlive(pid)).toBe(false);
  });

  it('loses no request of any client in upgrades under load, and none of them retries', async () => {
    const path = join(room.folder, 'service.sock');
    await using service = run({
      fixture: 'load-service.cjs',
      env: { SOCKET_PATH: path },
      deadlineMs: 80_000,
    });
    await service.ready(1);
    const load = await Load.start(service, 2);
    try {
      for (let generation = 2; generation <= 4; generation += 1) {
        await succeeded(lastcall('reload', String(supervisorOf(service))));
        await service.ready(generation);
      }
      const { failures, counts } = await load.finish();
      expect(failures).toEqual([]);
      for (const { answered } of Object.values(counts)) expect(answered).toBeGreaterThan(0);
    } finally {
      load.kill();
    }
  }, 90_000);

  it('hands sockets of every kind on, datagrams too', async () => {
    await using service = run({ fixture: 'kinds.cjs' });
    const { address } = await service.saw({ generation: 1, name: 'udp' });
    const [host = '', port] = String(address).split(':');
    await service.ready(1);
    const client = createSocket('udp4');
    const ask = async (): Promise<string> => {
      const answer = once(client, 'message');
      client.send('x', Number(port), host);
      return String((await answer)[0]);
    };
    expect(await ask()).toBe('1:x');
    await succeeded(lastcall('reload', String(supervisorOf(service))));
    const { pid } = await service.saw({ generation: 1, ready: true });
    await service.gone(pid);
    expect(await ask()).toBe('2:x');
    client.close();
    const status = await lastcall('status', '--json', String(supervisorOf(service)));
    expect(
      JSON.parse(status.out)
        .sockets.map(({ name }: { name: string }) => name)
        .sort(),
    ).toEqual(['net', 'tls', 'udp']);
  });

  it('keeps clients queued, not refused, while no worker is up, and starts one anew', async () => {
    await using service = run();
    const address = await service.address();
    const pid = await service.ready(1);
    send(pid, 'SIGKILL');
    await service.gone(pid);
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(address)));
    for (const answer of answers) expect(answer).toMatch(/^1:/);
    expect(answers[0]).not.toBe(`1:${pid}`);
    const { out } = await lastcall('status', String(supervisorOf(service)));
    expect(out).toContain('1 restart, up');
  });

  it('survives a storm of SIGHUP: one upgrade, and one more for what came meanwhile', async () => {
    await using service = run();
    const address = await service.address();
    await service.ready(1);
    send(supervisorOf(service), 'SIGHUP');
    const second = (await service.saw({ generation: 2, begun: true })).pid;
    // All come in the middle of that upgrade.
    send(second, 'SIGSTOP');
    for (let i = 0; i < 49; i++) {
      send(supervisorOf(service), 'SIGHUP');
      // The kernel makes one of those that are not yet delivered.
      await new Promise((resolve) => setImmediate(resolve));
    }
    send(second, 'SIGCONT');
    const last = await service.ready(3);
    const { pid } = await service.saw({ generation: 2, step: 'done' });
    await service.gone(pid);
    expect(await ask(address)).toBe(`3:${last}`);
    expect(service.events.filter(({ begun }) => begun)).toHaveLength(3);
  });

  it('ends with all its processes by SIGTERM in the middle of an upgrade', async () => {
    await using service = run({ plan: { 2: { fault: 'import', how: 'hang' } } });
    const old = await service.ready(1);
    send(supervisorOf(service), 'SIGHUP');
    const { pid } = await service.saw({ generation: 2, begun: true });
    send(supervisorOf(service), 'SIGTERM');
    expect((await endOf(service))[1]).toBe('SIGTERM');
    for (const process of [old, pid]) expect(isAlive(process)).toBe(false);
    await logged(service, 'the upgrade was given up: the service stops');
    expect(service.err).not.toContain('serve on');
  });

  it('lets a worker that drains finish when it is stopped in the middle of that', async () => {
    await using service = run();
    const address = await service.address();
    const old = await service.ready(1);
    const slow = ask(address, '/slow?ms=1500');
    await service.saw({ request: '/slow' });
    send(supervisorOf(service), 'SIGHUP');
    await service.saw({ pid: old, step: 'done' });
    send(supervisorOf(service), 'SIGTERM');
    expect(await slow).toBe(`1:${old}`);
    await service.saw({ pid: old, report: 'upgrade', ok: true });
    expect((await endOf(service))[1]).toBe('SIGTERM');
  });

  it.each([
    ['crashes at import', { fault: 'import' }, 'before it was ready'],
    ['crashes when it listens', { fault: 'listen', how: 'throw' }, 'before it was ready'],
    ['is killed before it is ready', { fault: 'ready', how: 'kill' }, 'ended (SIGKILL) before'],
    ['hangs', { fault: 'import', how: 'hang' }, '--ready-timeout'],
    ['loops', { fault: 'import', how: 'busy' }, '--ready-timeout'],
    ['loops after it listens', { fault: 'listen', how: 'busy' }, '--ready-timeout'],
    ['crashes soon after it is ready', { fault: 'bake', how: 'kill' }, 'soon after it was ready'],
  ])(
    'serves on with the old worker when the new one %s',
    async (_what, fault, why) => {
      await using service = run({
        plan: { 2: fault },
        // What is not to take it that long has time, on a busy machine, too.
        options: [
          ...['--ready-timeout', why === '--ready-timeout' ? '2' : '15'],
          ...['--bake', '5', '--kill-timeout', '2'],
        ],
      });
      const address = await service.address();
      const old = await service.ready(1);
      const { code, err } = await lastcall('reload', String(supervisorOf(service)));
      expect(err).toContain(why);
      expect(code).toBe(1);
      // Who asked is told, and so is who reads the log.
      await logged(service, 'the upgrade failed, generation 1 serves on: ');
      await logged(service, why);
      expect(await ask(address)).toBe(`1:${old}`);
      const [worker] = JSON.parse(
        (await lastcall('status', '--json', String(supervisorOf(service)))).out,
      ).workers;
      expect(worker).toMatchObject({ pid: old, state: 'serving' });
    },
    40_000,
  );

  it('refuses an upgrade while too many old workers drain, and does it when they have ended', async () => {
    await using service = run({ env: { ...LASTING, LASTCALL_MAX_GENERATIONS: '2' } });
    const address = await service.address();
    const old = await service.ready(1);
    const held = hold(address);
    await service.saw({ request: '/held' });
    const supervisor = String(supervisorOf(service));
    await succeeded(lastcall('reload', supervisor));
    const { code, err } = await lastcall('reload', supervisor);
    expect(err).toContain('LASTCALL_MAX_GENERATIONS is 2');
    expect(err).toContain(String(old));
    expect(code).toBe(1);
    expect(isAlive(old)).toBe(true);
    held.release();
    expect(await held.answer).toBe(`1:${old}`);
    await service.gone(old);
    // The supervisor hears of it a moment later.
    while ((await lastcall('status', supervisor)).out.includes('drains'));
    await succeeded(lastcall('reload', supervisor));
    await service.ready(3);
  });

  it('says why a new worker is ended before it has ended, however long that takes', async () => {
    await using service = run({
      plan: { 2: { fault: 'import', how: 'hang' } },
      options: ['--ready-timeout', '2', '--kill-timeout', '60'],
    });
    await service.ready(1);
    send(supervisorOf(service), 'SIGHUP');
    const pid = await service.started(2);
    send(pid, 'SIGSTOP');
    await logged(service, `process ${pid}, did not call restart.ready() within 2000 ms`);
    expect(isAlive(pid)).toBe(true);
    expect(service.err).not.toContain('the upgrade failed');
  });

  it('lets nobody reach the old worker once it has been replaced, however long it holds at a stop', async () => {
    // Pausing takes a process of its own, and longer than this bake.
    await using service = run({
      options: ['--bake', '1ms'],
      env: { LASTCALL_WRAP_UP_TIME_MS: '3000' },
    });
    const address = await service.address();
    await service.ready(1);
    await succeeded(lastcall('reload', String(supervisorOf(service))));
    const pid = await service.ready(2);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(address)));
    expect(new Set(answers)).toEqual(new Set([`2:${pid}`]));
  });

  it('starts workers in the release that the link in PWD points to by then', async () => {
    const current = join(room.folder, 'current');
    for (const release of ['1', '2']) mkdirSync(join(room.folder, release));
    symlinkSync('1', current);
    await using service = run({ cwd: current, env: { PWD: current } });
    await service.ready(1);
    symlinkSync('2', join(room.folder, 'next'));
    renameSync(join(room.folder, 'next'), current);
    await succeeded(lastcall('reload', String(supervisorOf(service))));
    await service.saw({ generation: 1, begun: true, cwd: realpathSync(join(room.folder, '1')) });
    await service.saw({ generation: 2, begun: true, cwd: realpathSync(current) });
  });

  it('says which processes are about to take over, and which still drain', async () => {
    await using service = run({ plan: { 3: { fault: 'import', how: 'hang' } }, env: LASTING });
    const address = await service.address();
    const first = await service.ready(1);
    const { answer } = hold(address);
    await service.saw({ request: '/held' });
    await succeeded(lastcall('reload', String(supervisorOf(service))));
    const second = await service.ready(2);
    send(supervisorOf(service), 'SIGHUP');
    const { pid: third } = await service.saw({ generation: 3, begun: true });
    await logged(service, `worker 0: process ${third} starts as generation 3`);
    const { out } = await lastcall('status', String(supervisorOf(service)));
    expect(out).toContain('lastcall run, replaces its workers, up');
    expect(out).toMatch(new RegExp(`worker 0 {2}pid ${second}, generation 2, serving, 0 restarts`));
    expect(out).toMatch(new RegExp(` {12}pid ${third}, generation 3, starting, up .* takes over`));
    expect(out).toMatch(new RegExp(` {12}pid ${first}, generation 1, asked to end, up .* drains`));
    const { workers } = JSON.parse(
      (await lastcall('status', '--json', String(supervisorOf(service)))).out,
    );
    expect(workers).toMatchObject([
      {
        pid: second,
        successor: { pid: third, generation: 3, state: 'starting' },
        draining: [{ pid: first, generation: 1, state: 'leaving' }],
      },
    ]);
    send(first, 'SIGKILL');
    await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('replaces all workers when one of them is asked to upgrade', async () => {
    await using service = run({ options: ['--workers', '2'] });
    const [pid = 0] = await workersOf(service, 1, 2);
    send(pid, 'SIGHUP');
    await workersOf(service, 2, 2);
    await service.saw({ pid, step: 'done' });
  });

  it('is asked and stopped by name, and leaves neither socket nor pid file', async () => {
    const pidFile = join(room.folder, 'orders.pid');
    await using service = run({ options: ['--name', 'orders', '--pid-file', pidFile] });
    await service.ready(1);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${supervisorOf(service)}\n`);
    const status = JSON.parse((await lastcall('status', '--json', 'orders')).out);
    expect(status).toMatchObject({
      role: 'supervisor',
      state: 'running',
      workers: [{ slot: 0, generation: 1, state: 'serving', restarts: 0 }],
      sockets: [{ name: 'web' }],
    });
    const dump = await lastcall('dump', 'orders', '--json');
    expect(JSON.parse(dump.out).process.pid).toBe(status.workers[0].pid);
    const { err } = await lastcall('dump', 'orders');
    expect(err).toContain(`worker 0 is process ${status.workers[0].pid}`);
    await succeeded(lastcall('stop', 'orders'));
    await endOf(service);
    expect(readdirSync(room.folder)).toEqual(['dumps']);
  });

  it('has lastcall dump ask the worker that is meant', async () => {
    await using service = run({ options: ['--workers', '2'] });
    await workersOf(service, 1, 2);
    const supervisor = String(supervisorOf(service));
    const { workers } = JSON.parse((await lastcall('status', '--json', supervisor)).out);
    const [zero, one] = workers.map(({ pid }: { pid: number }) => pid);
    const which = await lastcall('dump', supervisor);
    expect(which.err).toContain(`--worker 0 (process ${zero}), --worker 1 (process ${one})`);
    expect(which.code).toBe(2);
    expect((await lastcall('profile', '--worker', '2', supervisor)).code).toBe(2);
    expect((await lastcall('dump', '--worker', '0', String(one))).err).toContain('no lastcall run');
    const { out, err } = await lastcall('dump', '--worker', '1', supervisor);
    expect(err).toContain(`worker 1 is process ${one}`);
    expect(out).toContain(`pid ${one}`);
  });

  it('has lastcall stop say which workers were not stopped in order', async () => {
    await using service = run({
      plan: { '*': { lifecycle: { hammerTimeMs: 300, waitTimeMs: 60_000 } } },
      options: ['--kill-timeout', '30'],
    });
    const address = await service.address();
    const pid = await service.ready(1);
    const slow = ask(address, '/slow?ms=20000').catch(() => 'cut');
    await service.saw({ request: '/slow' });
    const { code, out } = await lastcall('stop', String(supervisorOf(service)));
    expect(out).toContain(`not ok: worker ${pid} (SIGTERM) was not ok`);
    expect(code).toBe(1);
    expect(await slow).toBe('cut');
  });

  it('has lastcall stop say which workers were killed', async () => {
    // So long may the other one take for its stop on a busy machine.
    await using service = run({ options: ['--kill-timeout', '4', '--workers', '2'] });
    const [stopped, pid] = (await workersOf(service, 1, 2)) as [number, number];
    send(stopped, 'SIGSTOP');
    const { code, out } = await lastcall('stop', '--json', String(supervisorOf(service)));
    expect(JSON.parse(out).report).toMatchObject({
      ok: false,
      workers: expect.arrayContaining([
        { pid: stopped, ok: false, end: 'SIGKILL', killed: true },
        { pid, ok: true, end: 'SIGTERM', killed: false },
      ]),
    });
    expect(code).toBe(1);
  });

  it('is ended by lastcall stop --kill with all its workers', async () => {
    await using service = run();
    const pid = await service.ready(1);
    send(pid, 'SIGSTOP');
    const supervisor = String(supervisorOf(service));
    const { code, out } = await lastcall('stop', '--timeout', '200ms', '--kill', supervisor);
    expect(out).toContain('was killed');
    expect(code).toBe(1);
    await service.gone(pid);
  });

  it('is stopped once, though it is asked twice', async () => {
    await using service = run();
    const address = await service.address();
    const pid = await service.ready(1);
    const slow = ask(address, '/slow?ms=1500');
    await service.saw({ request: '/slow' });
    const stops = await Promise.all(
      [1, 2].map(() => lastcall('stop', String(supervisorOf(service)))),
    );
    expect(await slow).toBe(`1:${pid}`);
    for (const { code, out } of stops) expect({ code, out }).toMatchObject({ code: 0 });
  });

  itWith(['python3', 'systemd-notify'])(
    'tells systemd how it does, as the main process, and its workers tell nothing',
    async () => {
      using systemd = await NotifySocket.open();
      await using service = run({ env: { NOTIFY_SOCKET: systemd.path } });
      await service.ready(1);
      const main = `MAINPID=${supervisorOf(service)}`;
      await systemd.saw('READY=1', main);
      await succeeded(lastcall('reload', String(supervisorOf(service))));
      await systemd.saw('RELOADING=1');
      await systemd.saw('READY=1', main, 'STATUS=generation 2 serves');
      send(supervisorOf(service), 'SIGTERM');
      await systemd.saw('STOPPING=1');
      await endOf(service);
      const told = systemd.got.map(({ text }) => text.split('\n')[0]);
      expect(told).toEqual(['READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1']);
    },
  );

  it('starts the other workers when the first one has come up at last', async () => {
    const mended = join(room.folder, 'mended');
    await using service = run({
      options: ['--workers', '2', '--restart', 'always'],
      plan: { 1: { fault: 'import', how: 'exit', unless: mended } },
    });
    await service.saw({ fault: 'import' });
    writeFileSync(mended, '');
    await workersOf(service, 1, 2);
    await succeeded(lastcall('reload', String(supervisorOf(service))));
  });

  it('gives up a worker that crashes again and again, and says how it ended', async () => {
    await using service = run({
      options: ['--max-restarts', '2'],
      plan: { '*': { fault: 'bake', how: 'exit', afterMs: 50 } },
    });
    expect(await endOf(service)).toEqual([7, null]);
    expect(service.err).toContain('given up');
    expect(service.events.filter(({ begun }) => begun)).toHaveLength(3);
  });
});

describe('lastcall run of any program', () => {
  it.each([
    ['exit 3', ['sh', '-c', 'exit 3'], 3],
    ['exit 0', ['sh', '-c', 'exit 0'], 0],
    ['death by a signal', ['sh', '-c', 'kill -9 $$'], 137],
    ['no such program', ['/nowhere/program'], 127],
    ['no program at all', ['/etc/passwd'], 126],
  ])('passes the exit status on: %s', (_what, command, code) => {
    const { status } = spawnSync(process.execPath, [BIN, 'run', '-q', '--', ...command], {
      env: { ...process.env, LASTCALL_CONTROL_DIR: room.folder },
    });
    expect(status).toBe(code);
  });

  it('shows a program that knows nothing of lastcall as running, not as one that never has started', async () => {
    const argv = [BIN, 'run', '--name', 'plain', '--', 'sleep', '60'];
    const child = spawn(process.execPath, argv, {
      env: { ...process.env, LASTCALL_CONTROL_DIR: room.folder },
      stdio: 'ignore',
    });
    const exited = once(child, 'exit');
    const statusOf = async () =>
      JSON.parse((await lastcall('status', '--json', String(child.pid))).out || '{}');
    try {
      let status = await statusOf();
      while (status.role !== 'supervisor') status = await statusOf();
      expect(status).toMatchObject({ state: 'running', workers: [{ state: 'running' }] });
    } finally {
      child.kill('SIGTERM');
      await exited;
    }
  });

  it('ends when the first of several workers has ended, and is not to be started anew', () => {
    const argv = [BIN, 'run', '--workers', '2', '--', 'true'];
    const { status, stderr } = spawnSync(process.execPath, argv, {
      encoding: 'utf8',
      env: { ...process.env, LASTCALL_CONTROL_DIR: room.folder },
      timeout: 20_000,
    });
    expect(status).toBe(0);
    expect(stderr).toContain('ended before it called restart.ready()');
  }, 30_000);

  it('says soon what several workers need, where the first one only listens by itself', async () => {
    const program = "require('node:http').createServer().listen(0)";
    const argv = [BIN, 'run', '--workers', '2', '--', process.execPath, '-e', program];
    const child = spawn(process.execPath, argv, {
      env: { ...process.env, LASTCALL_CONTROL_DIR: room.folder },
      timeout: 20_000,
    });
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (chunk) => (err += chunk));
    child.once('exit', () => (err += 'ended'));
    while (!/has not called restart.ready\(\) yet|ended/.test(err))
      await once(child.stderr, 'data');
    expect(err).toMatch(
      /process \d+ has not called restart.ready\(\) yet: several workers need it/,
    );
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  }, 30_000);

  it.each([
    ['LASTCALL_KILL_TIMEOUT_MS', '30s'],
    ['LASTCALL_KILL_TIMEOUT_MS', '99999999999'],
    ['LASTCALL_READY_TIMEOUT_MS', '0'],
    ['LASTCALL_BAKE_MS', '-1'],
    ['LASTCALL_MAX_GENERATIONS', '1'],
  ])('refuses an environment that it cannot use: %s=%s', (variable, value) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [BIN, 'run', '--', 'echo', 'x'],
      {
        encoding: 'utf8',
        env: { ...process.env, LASTCALL_CONTROL_DIR: room.folder, [variable]: value },
      },
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(`environment variable ${variable} must be`);
    expect(stderr).toContain(`'${value}'`);
  });

  it('refuses to have workers be ready in no time', () => {
    const argv = [BIN, 'run', '--ready-timeout', '0', '--', 'echo', 'x'];
    const { status, stdout } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  it('refuses a program without a name, such as that of a variable which is not set', () => {
    const argv = [BIN, 'run', '--', '', 'app.js'];
    const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    expect([status, stderr]).toEqual([2, expect.stringContaining('has no name')]);
  });

  const TALKATIVE = `
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGTERM'])
      process.on(signal, () => { console.log('got ' + signal); if (signal === 'SIGTERM') process.exit(5); });
    console.log('up'); setInterval(() => {}, 1000);`;

  it('passes signals on to one that knows nothing of lastcall', async () => {
    const child = spawn(process.execPath, [BIN, 'run', '--', process.execPath, '-e', TALKATIVE], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, LASTCALL_CONTROL_DIR: room.folder },
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => (out += chunk));
    const saw = async (text: string): Promise<void> => {
      while (!out.includes(text)) await once(child.stdout, 'data');
    };
    await saw('up');
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const) {
      child.kill(signal);
      await saw(`got ${signal}`);
    }
    child.kill('SIGTERM');
    // What it has written has been read by then.
    expect(await once(child, 'close')).toEqual([5, null]);
    expect(out.match(/SIGTERM/g)).toHaveLength(1);
  });

  it('does not pass SIGHUP on to one that would die of it', async () => {
    const program = "console.log('up'); setInterval(() => {}, 1000)";
    const child = spawn(process.execPath, [BIN, 'run', '--', process.execPath, '-e', program], {
      env: { ...process.env, LASTCALL_CONTROL_DIR: room.folder },
    });
    await once(child.stdout, 'data');
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (chunk) => (err += chunk));
    child.kill('SIGHUP');
    while (!err.includes('does not handle it')) await once(child.stderr, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  });

  it('works in the background of a shell script, and passes standard input on', () => {
    const script = `"$0" "$1" run -q -- cat & wait $!; printf in | "$0" "$1" run -q -- cat; "$0" "$1" run -q -- sh -c 'exit 4'; echo " $?"`;
    const out = execFileSync('sh', ['-c', script, process.execPath, BIN], {
      encoding: 'utf8',
      env: { ...process.env, LASTCALL_CONTROL_DIR: room.folder },
    });
    expect(out).toBe('in 4\n');
  });

  it('has the lines of its workers say whose they are', () => {
    const program = `const { proc } = require('@lastcall/proc');
      proc.onShutdown(() => console.error('I am ' + process.pid)); proc.shutdown('test');`;
    const { stderr } = spawnSync(
      process.execPath,
      [BIN, 'run', '-q', '--', process.execPath, '-e', program],
      {
        encoding: 'utf8',
        cwd: join(__dirname, '..'),
        env: { ...process.env, LASTCALL_CONTROL_DIR: room.folder },
      },
    );
    const pid = /I am (\d+)/.exec(stderr)?.[1];
    expect(stderr).toContain(`lastcall[${pid}]: stopping (test)`);
  });

  it('restarts it when told to', () => {
    const file = join(room.folder, 'count');
    const script = `echo x >> ${file}; test $(wc -l < ${file}) -lt 3 || kill -TERM $PPID; sleep 1; exit 1`;
    const { signal } = spawnSync(
      process.execPath,
      [BIN, 'run', '-q', '--restart', 'always', '--', 'sh', '-c', script],
      { env: { ...process.env, LASTCALL_CONTROL_DIR: room.folder } },
    );
    expect(signal).toBe('SIGTERM');
    expect(readFileSync(file, 'utf8')).toBe('x\nx\nx\n');
  });
});

describeWith(['unshare', PID_NAMESPACES, MOUNTS])('lastcall run as process 1', () => {
  const UNSHARE = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

  /** Orphans: a shell in the background leaves `sleep` to process 1, which ends at once. */
  const ORPHANS = `
    require('node:child_process').spawnSync('sh', ['-c', '(sleep 0.05 &) ; (sleep 0.05 &)']);
    const { readdirSync, readFileSync } = require('node:fs');
    const nameOf = (pid) => {
      try { return readFileSync('/proc/' + pid + '/comm', 'utf8').trim(); } catch { return ''; }
    };
    const isZombie = (pid) => {
      try { return /State:\\s*Z/.test(readFileSync('/proc/' + pid + '/status', 'utf8')); } catch { return false; }
    };
    const end = Date.now() + 10000;
    const look = () => {
      // Of any name: what has ended, and nobody has asked for.
      const left = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name) && (nameOf(name) === 'sleep' || isZombie(name)));
      if (left.length > 0 && Date.now() < end) return setTimeout(look, 20);
      console.log('left ' + left.length);
      console.log('first ' + nameOf(1));
    };
    look();
    process.on('SIGTERM', () => process.exit(6));
    setInterval(() => {}, 1000);`;

  async function runAsPid1(
    front: readonly string[],
  ): Promise<{ readonly out: string; readonly code: number | null }> {
    const [file = '', ...args] = [...UNSHARE, ...front, process.execPath, BIN, 'run', '--'];
    const child = spawn(file, [...args, process.execPath, '-e', ORPHANS], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, LASTCALL_CONTROL_DIR: room.folder },
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => (out += chunk));
    while (!out.includes('first ')) await once(child.stdout, 'data');
    // Process 1 of the namespace is the one child of unshare.
    const [pid = ''] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(
      ' ',
    );
    send(Number(pid), 'SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    return { out, code };
  }

  it('reaps what it adopts, gets its signals, and ends as the program does, with lastcall-init in front', async () => {
    const { out, code } = await runAsPid1([INIT]);
    expect(out).toContain('left 0');
    expect(code).toBe(6);
  });

  itWith(['mount'])('runs the program all the same where there is no shell', () => {
    const hidden = 'mount --bind /dev/null "$(readlink -f /bin/sh)" && exec "$@"';
    const front = [...UNSHARE, '--mount', 'sh', '-c', hidden, 'sh', process.execPath, BIN, 'run'];
    const [file = '', ...args] = [...front, '--', process.execPath, '-e', 'process.exit(3)'];
    const { status, stderr } = spawnSync(file, args, {
      encoding: 'utf8',
      timeout: 20_000,
      env: { ...process.env, LASTCALL_CONTROL_DIR: room.folder },
    });
    expect({ status, stderr }).toEqual({ status: 3, stderr: expect.stringContaining('an init') });
  });

  // Older versions of Node cannot: for them the tests above have an init in front.
  const hasExecve = nodeWith('process.execve()', 'execve' in process);
  itWith([hasExecve])('needs no init in front where Node can replace itself (22.15)', async () => {
    const { out, code } = await runAsPid1([]);
    expect(out).toContain('left 0');
    expect(out).toContain('first sh');
    expect(code).toBe(6);
  });
});

describe('lastcall-init', () => {
  it.each([
    ['sh -c "exit 9"', 9],
    ['sh -c "kill -9 \\$\\$"', 137],
    ['/nowhere/program', 127],
    ['true', 0],
    // A standard input that is closed, as daemons have it.
    ['sh -c "read -r line || exit 5" <&-', 5],
  ])('ends as its program does: %s', (command, code) => {
    expect(spawnSync('sh', ['-c', `'${INIT}' ${command}`]).status).toBe(code);
  });

  // A shell cannot give a signal its default back where its parent ignores it; env of coreutils 8.31 and later can.
  itWith([ENV_WITH_DEFAULT_SIGNAL]).each([
    ['SIGINT', 130],
    ['SIGQUIT', 131],
  ] as const)('a program without handlers dies of %s', async (signal, code) => {
    // No core dump.
    const child = spawn('sh', [
      '-c',
      'ulimit -c 0; exec "$0" sh -c "echo up; exec sleep 20"',
      INIT,
    ]);
    await once(child.stdout, 'data');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGTERM'), 5000);
    expect(await once(child, 'exit')).toEqual([code, null]);
    clearTimeout(timer);
  });

  it('passes standard input and signals on', async () => {
    expect(execFileSync(INIT, ['cat'], { input: 'in', encoding: 'utf8' })).toBe('in');
    const child = spawn(INIT, [
      'sh',
      '-c',
      'trap "exit 8" TERM; echo up; while :; do sleep 0.05; done',
    ]);
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([8, null]);
  });
});
