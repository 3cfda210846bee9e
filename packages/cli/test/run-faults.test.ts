import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join, relative } from 'node:path';
import { eventually } from '../../../tools/eventually';
import { itWith, MOUNTS } from '../../proc/test/harness/needs';
import { logged } from '../../restart/test/harness/logged';
import { ask, isAlive, type Service, send } from '../../restart/test/harness/service';
import { commandRoom } from './harness/command-room';
import { endOf, type RunOptions, supervisorOf, workersOf } from './harness/run-service';

const FIXTURES = join(__dirname, '../../restart/test/fixtures');

const room = commandRoom();
const { lastcall, run } = room;

/** Replaces the workers, which works, and waits for the old ones to end: they may accept a last connection. */
async function reload(service: Service, ...old: number[]): Promise<void> {
  const { code, err } = await lastcall('reload', String(supervisorOf(service)));
  expect([code, err]).toEqual([0, expect.stringContaining('has taken over')]);
  for (const pid of old) await service.gone(pid);
}

describe('the supervisor is killed', () => {
  it('its workers notice it, serve on, refuse upgrades, and drain when they are asked to end', async () => {
    await using service = run({ options: ['--workers', '2'] });
    const address = await service.address();
    const workers = await workersOf(service, 1, 2);
    send(supervisorOf(service), 'SIGKILL');
    for (const pid of workers) await service.saw({ pid, step: 'parent-gone' });
    expect(await ask(address)).toMatch(/^1:/);
    const [first = 0, second = 0] = workers;
    send(first, 'SIGHUP');
    await service.saw({ pid: first, step: 'refused', code: 'LASTCALL_UPGRADE_REFUSED' });
    const slow = ask(address, '/slow?ms=500');
    const { pid: slowOne } = await service.saw({ request: '/slow' });
    send(slowOne, 'SIGTERM');
    expect(await slow).toBe(`1:${slowOne}`);
    await service.saw({ pid: slowOne, report: 'SIGTERM', ok: true });
    await service.gone(slowOne);
    const other = slowOne === first ? second : first;
    expect(await ask(address)).toBe(`1:${other}`);
    send(other, 'SIGTERM');
    await service.saw({ pid: other, report: 'SIGTERM', ok: true });
    await service.gone(other);
  });

  it('in the middle of an upgrade: both workers serve on', async () => {
    await using service = run({ options: ['--bake', '20'] });
    const address = await service.address();
    const old = await service.ready(1);
    send(supervisorOf(service), 'SIGHUP');
    const next = await service.ready(2);
    send(supervisorOf(service), 'SIGKILL');
    for (const pid of [old, next]) await service.saw({ pid, step: 'parent-gone' });
    send(old, 'SIGTERM');
    await service.gone(old);
    expect(await ask(address)).toBe(`2:${next}`);
  });
});

describe('a unix socket', () => {
  const socket = (): { path: string; plan: RunOptions['plan'] } => {
    const path = join(room.folder, 'web.sock');
    return { path, plan: { '*': { sockets: [{ name: 'web', path }] } } };
  };

  it('keeps its path while any worker serves, whoever bound it, and loses it with the service', async () => {
    const { path, plan } = socket();
    const options = ['--workers', '2', '--restart', 'never'];
    await using service = run({ plan: plan ?? {}, options });
    const [binder = 0] = await workersOf(service, 1, 1);
    const [, other = 0] = await workersOf(service, 1, 2);
    send(binder, 'SIGTERM');
    await service.gone(binder);
    expect(await ask(path)).toBe(`1:${other}`);
    await reload(service, other);
    expect(await ask(path)).toMatch(/^2:/);
    send(supervisorOf(service), 'SIGTERM');
    await endOf(service);
    expect(existsSync(path)).toBe(false);
  });

  it('is removed once no worker asks for it any more', async () => {
    const { path, plan } = socket();
    const sockets = [{ name: 'other', path: `${path}2` }];
    await using service = run({ plan: { ...plan, 2: { sockets } } });
    await reload(service, await service.ready(1));
    expect(await ask(`${path}2`)).toMatch(/^2:/);
    expect(existsSync(path)).toBe(false);
  });
});

it('the working directory is missing: it is named, and the old worker serves on', async () => {
  const cwd = join(room.folder, 'release');
  mkdirSync(cwd);
  await using service = run({ cwd });
  const address = await service.address();
  const old = await service.ready(1);
  rmSync(cwd, { recursive: true });
  const { code, err } = await lastcall('reload', String(supervisorOf(service)));
  expect({ code, err }).toMatchObject({
    code: 1,
    err: expect.stringContaining(`${cwd} is not there`),
  });
  expect(await ask(address)).toBe(`1:${old}`);
  mkdirSync(cwd);
  await reload(service);
});

it.each(['script', 'binary'])(
  'the %s is missing: that is said, and the old worker serves on',
  async (what) => {
    const [script, binary] = [join(room.folder, 'app.cjs'), join(room.folder, 'node')];
    const put = {
      script: () =>
        writeFileSync(script, `require(${JSON.stringify(join(FIXTURES, 'service.cjs'))});`),
      binary: () =>
        writeFileSync(binary, `#!/bin/sh\nexec "${process.execPath}" "$@"\n`, { mode: 0o755 }),
    };
    for (const fn of Object.values(put)) fn();
    await using service = run({ program: binary, fixture: relative(FIXTURES, script) });
    const address = await service.address();
    const old = await service.ready(1);
    const missing = what === 'script' ? script : binary;
    rmSync(missing);
    const { code, err } = await lastcall('reload', String(supervisorOf(service)));
    expect(err).toContain('the upgrade failed, generation 1 serves on: ');
    // Of a script Node says it, to where the service writes.
    if (what === 'script') await logged(service, missing);
    else expect(err).toContain(missing);
    expect(code).toBe(1);
    expect(await ask(address)).toBe(`1:${old}`);
    put[what as keyof typeof put]();
    await reload(service, old);
    expect(await ask(address)).toMatch(/^2:/);
  },
);

describe('a new worker that fails does no harm, and the next attempt succeeds', () => {
  /** The upgrade fails, and the old worker serves on; once it is mended, another one does not. */
  async function failsOnce(service: Service, mend: () => unknown): Promise<void> {
    const address = await service.address();
    const old = await service.ready(1);
    const { code, err } = await lastcall('reload', String(supervisorOf(service)));
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringMatching(/ended \(.*\) before it was ready/),
    });
    expect(await ask(address)).toBe(`1:${old}`);
    await mend();
    await reload(service, old);
    expect(await ask(address)).toMatch(/^2:/);
  }

  it('runs out of memory', async () => {
    const unless = join(room.folder, 'mended');
    await using service = run({
      env: { NODE_OPTIONS: '--max-old-space-size=48' },
      plan: { 2: { fault: 'listen', how: 'oom', unless } },
    });
    await failsOnce(service, () => writeFileSync(unless, ''));
  });

  it('cannot bind a new socket: the port is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const web = { name: 'web', port: 0, host: '127.0.0.1' };
    const sockets = [web, { name: 'more', port, host: '127.0.0.1' }];
    await using service = run({ plan: { 2: { sockets } } });
    await failsOnce(service, () => new Promise((resolve) => holder.close(resolve)));
    await service.saw({ generation: 2, failed: 'EADDRINUSE' });
  });
});

it.each(['1', '2'])(
  'a port that is in use ends the service at its start, with the exit code of the program: %s workers',
  async (workers) => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const sockets = [{ name: 'web', port, host: '127.0.0.1' }];
    await using service = run({ options: ['--workers', workers], plan: { '*': { sockets } } });
    await service.saw({ failed: 'EADDRINUSE' });
    expect(await endOf(service)).toEqual([1, null]);
    holder.close();
  },
);

describe('no descriptor is left', () => {
  it('to a worker: it is replaced all the same', async () => {
    await using service = run({
      under: ['/bin/sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'],
      plan: { 1: { fillFds: true } },
    });
    const address = await service.address();
    const old = await service.ready(1);
    await service.saw({ pid: old, filled: 'EMFILE' });
    await reload(service, old);
    expect(await ask(address)).toMatch(/^2:/);
  });

  it('to start all workers: it ends, and none of them stays behind', async () => {
    await using service = run({
      options: ['--workers', '30'],
      under: ['/bin/sh', '-c', 'ulimit -n 48; exec "$@"', 'sh'],
    });
    expect(await endOf(service)).toEqual([126, null]);
    expect(service.err).toContain('EMFILE');
    expect(service.events.map(({ pid }) => pid).filter(isAlive)).toEqual([]);
  });

  itWith(['prlimit'])(
    'to the supervisor: the old worker serves on, and it can try again',
    async () => {
      await using service = run();
      const address = await service.address();
      const old = await service.ready(1);
      const supervisor = supervisorOf(service);
      const before = /Max open files\s+(\d+)/.exec(
        readFileSync(`/proc/${supervisor}/limits`, 'utf8'),
      );
      limitFiles(supervisor, 8);
      send(supervisor, 'SIGHUP');
      await logged(service, 'the upgrade failed, generation 1 serves on');
      await logged(service, 'EMFILE');
      expect(await ask(address)).toBe(`1:${old}`);
      limitFiles(supervisor, Number(before?.[1]));
      await reload(service, old);
      expect(await ask(address)).toMatch(/^2:/);
    },
  );
});

itWith(['unshare', 'mount', MOUNTS])('a full disk keeps the service from nothing', async () => {
  const directory = join(room.folder, 'full');
  mkdirSync(directory);
  const fill = `head -c 4096 /dev/zero > ${directory}/filler`;
  const mount = `mount -t tmpfs -o size=4k tmpfs ${directory} && ${fill} && exec "$@"`;
  await using service = run({
    under: ['unshare', '--mount', 'sh', '-c', mount, 'sh'],
    options: ['--pid-file', join(directory, 'service.pid')],
    env: { LASTCALL_DUMP_DIR: directory },
  });
  const address = await service.address();
  const old = await service.ready(1);
  await logged(service, 'ENOSPC');
  await reload(service, old);
  expect(await ask(address)).toMatch(/^2:/);
  send(supervisorOf(service), 'SIGTERM');
  expect(await endOf(service)).toEqual([null, 'SIGTERM']);
});

it('a log that nothing can be written to keeps the service from nothing', async () => {
  // As on a disk that is full, or a terminal that is gone.
  await using service = run({ under: ['sh', '-c', 'exec "$@" 2> /dev/full', 'sh'] });
  const address = await service.address();
  const { pid: old } = await service.saw({ ready: true });
  const supervisor = String(supervisorOf(service));
  await eventually(
    async () => (await lastcall('status', supervisor)).out,
    (status) => status.includes('serving'),
  );
  await reload(service, old);
  expect(await ask(address)).toMatch(/^2:/);
  send(supervisorOf(service), 'SIGTERM');
  expect(await endOf(service)).toEqual([null, 'SIGTERM']);
});

function limitFiles(pid: number, count: number): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--nofile=${count}:`], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
}
