import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { itWith, MOUNTS } from '../../proc/test/harness/needs';
import {
  ask,
  isAlive,
  type Plan,
  Service,
  type ServiceOptions,
  send,
  temporaryDirectory,
} from './harness/service';

const FIXTURE = join(__dirname, 'fixtures', 'service.cjs');

/** The old generation still serves; then, as the fault is mended, an upgrade succeeds. */
async function servesOnAndCanTryAgain(service: Service, old: number): Promise<void> {
  const address = await service.address();
  expect(await ask(address)).toBe(`1:${old}`);
  const before = service.events.length;
  send(old, 'SIGHUP');
  const { successor } = await service.saw({ pid: old, step: 'done' }, before);
  expect(await ask(address)).toBe(`2:${successor}`);
}

describe('a new generation that fails does no harm, and the next attempt succeeds', () => {
  const cases: readonly [string, Plan[string], string][] = [
    ['ends at import', { fault: 'import' }, 'LASTCALL_UPGRADE_CHILD_ENDED'],
    ['throws at import', { fault: 'import', how: 'throw' }, 'LASTCALL_UPGRADE_CHILD_ENDED'],
    ['ends at listen', { fault: 'listen' }, 'LASTCALL_UPGRADE_CHILD_ENDED'],
    ['is killed before ready', { fault: 'ready', how: 'kill' }, 'LASTCALL_UPGRADE_CHILD_ENDED'],
    ['hangs before it listens', { fault: 'import', how: 'hang' }, 'LASTCALL_UPGRADE_TIMED_OUT'],
    ['hangs before ready', { fault: 'ready', how: 'hang' }, 'LASTCALL_UPGRADE_TIMED_OUT'],
    ['loops at import', { fault: 'import', how: 'busy' }, 'LASTCALL_UPGRADE_TIMED_OUT'],
    ['loops after it listens', { fault: 'listen', how: 'busy' }, 'LASTCALL_UPGRADE_TIMED_OUT'],
    ['ends right after ready', { fault: 'bake' }, 'LASTCALL_UPGRADE_ROLLED_BACK'],
    [
      'is killed soon after ready',
      { fault: 'bake', how: 'kill', afterMs: 150 },
      'LASTCALL_UPGRADE_ROLLED_BACK',
    ],
  ];

  it.each(cases)('%s', async (_, fault, code) => {
    const unless = join(temporaryDirectory(), 'mended');
    const readyTimeoutMs = code === 'LASTCALL_UPGRADE_TIMED_OUT' ? 1500 : 20_000;
    // One that is to die in this time has enough of it, on a busy machine, too.
    const bakeMs = code === 'LASTCALL_UPGRADE_ROLLED_BACK' ? 3000 : 400;
    await using service = new Service({
      plan: { '*': { setup: { readyTimeoutMs, bakeMs } }, 2: { ...fault, unless } },
      env: { LASTCALL_HAMMER_TIME_MS: '100', LASTCALL_WAIT_TIME_MS: '300' },
    });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const step = code === 'LASTCALL_UPGRADE_ROLLED_BACK' ? 'rolled-back' : 'failed';
    const { successor } = await service.saw({ pid: old, step, code });
    expect(isAlive(Number(successor))).toBe(false);
    // One that must be ended may take its time for that: why, is said before.
    const givesUp = service.events.filter((event) => event.step === 'giving-up');
    expect(givesUp.map((event) => event.code)).toEqual(
      code === 'LASTCALL_UPGRADE_TIMED_OUT' ? [code] : [],
    );
    writeFileSync(unless, '');
    await servesOnAndCanTryAgain(service, old);
  });

  it('runs out of memory', async () => {
    const unless = join(temporaryDirectory(), 'mended');
    const command = { execArgv: ['--max-old-space-size=24'] };
    await using service = new Service({
      plan: {
        '*': { setup: { command, bakeMs: 100 } },
        2: { fault: 'listen', how: 'oom', unless },
      },
    });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    await service.saw({ pid: old, step: 'failed', code: 'LASTCALL_UPGRADE_CHILD_ENDED' });
    writeFileSync(unless, '');
    await servesOnAndCanTryAgain(service, old);
  });

  it('cannot bind a new socket: the port is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as { port: number };
    const web = { name: 'web', port: 0, host: '127.0.0.1' };
    const sockets = [web, { name: 'more', port, host: '127.0.0.1' }];
    await using service = new Service({ plan: { 2: { sockets } } });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const { message } = await service.saw({ generation: 2, failed: 'EADDRINUSE' });
    await service.saw({ pid: old, step: 'failed', code: 'LASTCALL_UPGRADE_CHILD_ENDED' });
    await new Promise((resolve) => holder.close(resolve));
    expect(message).toContain("the socket 'more' was not among those that were handed over");
    await servesOnAndCanTryAgain(service, old);
  });

  it('cannot write the pid file', async () => {
    const directory = join(temporaryDirectory(), 'run');
    mkdirSync(directory);
    const pidFile = join(directory, 'service.pid');
    await using service = new Service({ plan: { '*': { setup: { pidFile, bakeMs: 100 } } } });
    const old = await service.ready(1);
    renameSync(directory, `${directory}-away`);
    send(old, 'SIGHUP');
    await service.saw({ generation: 2, failed: 'LASTCALL_PID_FILE_NOT_WRITTEN' });
    const { message } = await service.saw({ pid: old, step: 'failed' });
    expect(message).toContain('LASTCALL_PID_FILE_NOT_WRITTEN');
    renameSync(`${directory}-away`, directory);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${old}\n`);
    await servesOnAndCanTryAgain(service, old);
  });
});

itWith(['unshare', 'mount', MOUNTS])(
  'a full disk leaves the pid file as it is, and the old generation in charge',
  async () => {
    const directory = temporaryDirectory();
    const pidFile = join(directory, 'service.pid');
    // A file system of its own, with room for one page: the pid file of the first generation.
    const mount = `mount -t tmpfs -o size=4k tmpfs ${directory} && exec "$@"`;
    await using service = new Service({
      under: ['unshare', '--mount', 'sh', '-c', mount, 'sh'],
      plan: { '*': { setup: { pidFile, bakeMs: 100 } } },
    });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const { message } = await service.saw({
      generation: 2,
      failed: 'LASTCALL_PID_FILE_NOT_WRITTEN',
    });
    expect(message).toContain('ENOSPC');
    await service.saw({ pid: old, step: 'failed', code: 'LASTCALL_UPGRADE_CHILD_ENDED' });
    expect(readFileSync(`/proc/${old}/root${pidFile}`, 'utf8')).toBe(`${old}\n`);
    expect(await ask(await service.address())).toBe(`1:${old}`);
  },
);

describe('an upgrade does not begin', () => {
  async function refusesFor(what: string, options: ServiceOptions, spoil: () => void) {
    const service = new Service(options);
    const old = await service.ready(1);
    spoil();
    send(old, 'SIGHUP');
    const { message } = await service.saw({
      pid: old,
      step: 'failed',
      code: 'LASTCALL_UPGRADE_PREFLIGHT_FAILED',
    });
    expect(message).toContain(what);
    expect(await ask(await service.address())).toBe(`1:${old}`);
    return { service, old };
  }

  it('without its script', async () => {
    const script = join(temporaryDirectory(), 'app.cjs');
    writeFileSync(script, `require(${JSON.stringify(FIXTURE)})`);
    const { service, old } = await refusesFor(
      `the script is not there: ${script}`,
      { args: [script] },
      () => rmSync(script),
    );
    await using _ = service;
    writeFileSync(script, `require(${JSON.stringify(FIXTURE)})`);
    await servesOnAndCanTryAgain(service, old);
  });

  it('without its Node binary', async () => {
    const command = { execPath: '/nowhere/node' };
    const plan = { '*': { setup: { command } } };
    const { service } = await refusesFor(
      'the Node binary is not there: /nowhere/node',
      { plan },
      () => {},
    );
    await using _ = service;
  });

  it('without its working directory', async () => {
    const cwd = join(temporaryDirectory(), 'release');
    mkdirSync(cwd);
    const { service, old } = await refusesFor(
      `the working directory is not there: ${cwd}`,
      { cwd },
      () => rmSync(cwd, { recursive: true }),
    );
    await using _ = service;
    mkdirSync(cwd);
    await servesOnAndCanTryAgain(service, old);
  });

  it('when the check says no', async () => {
    const flag = join(temporaryDirectory(), 'flag');
    const check = `test -e ${flag} || { echo no flag yet >&2; exit 3; }`;
    await using service = new Service({ plan: { '*': { setup: { check, bakeMs: 100 } } } });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const { message } = await service.saw({
      step: 'failed',
      code: 'LASTCALL_UPGRADE_CHECK_FAILED',
    });
    expect(message).toContain('ended with exit code 3: no flag yet');
    writeFileSync(flag, '');
    await servesOnAndCanTryAgain(service, old);
  });

  it('when the check takes too long, and has started something that keeps its output open', async () => {
    const file = join(temporaryDirectory(), 'pid');
    const check = `sleep 60 & echo $! > ${file}; wait`;
    const setup = { check, readyTimeoutMs: 3000, bakeMs: 100 };
    await using service = new Service({ plan: { '*': { setup } } });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const { message } = await service.saw({
      step: 'failed',
      code: 'LASTCALL_UPGRADE_CHECK_FAILED',
    });
    expect(message).toContain('took longer than readyTimeoutMs (3000)');
    await service.gone(Number(readFileSync(file, 'utf8')));
  });

  it('but does when the check is over, and something that it has started is not', async () => {
    const file = join(temporaryDirectory(), 'pid');
    const check = `sleep 60 & echo $! > ${file}`;
    await using service = new Service({ plan: { '*': { setup: { check, bakeMs: 100 } } } });
    send(await service.ready(1), 'SIGHUP');
    await service.ready(2);
    const started = Number(readFileSync(file, 'utf8'));
    expect(isAlive(started)).toBe(true);
    send(started, 'SIGKILL');
  });

  it('when no descriptor is left', async () => {
    await using service = new Service({
      under: ['/bin/sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'],
      plan: { 1: { fillFds: true, setup: { bakeMs: 100 } } },
    });
    const old = await service.ready(1);
    await service.saw({ filled: 'EMFILE' });
    send(old, 'SIGHUP');
    await service.saw({ pid: old, step: 'failed', code: 'LASTCALL_UPGRADE_SPAWN_FAILED' });
    send(old, 'SIGWINCH');
    await service.saw({ freed: true });
    await servesOnAndCanTryAgain(service, old);
  });
});

describe('a release that is switched by a symbolic link', () => {
  function releases(): { root: string; deploy: (release: number) => void } {
    const root = temporaryDirectory();
    const deploy = (release: number): void => {
      const directory = join(root, `release-${release}`);
      mkdirSync(directory);
      writeFileSync(join(directory, 'app.cjs'), `require(${JSON.stringify(FIXTURE)})`);
      symlinkSync(directory, join(root, 'next'));
      renameSync(join(root, 'next'), join(root, 'current'));
    };
    deploy(1);
    return { root, deploy };
  }

  it.each([
    ['a relative script, as a shell starts it', 'app.cjs', true],
    ['an absolute script', 'current/app.cjs', false],
  ])('is the one that is started: %s', async (_, script, isRelative) => {
    const { root, deploy } = releases();
    const current = join(root, 'current');
    await using service = new Service({
      cwd: isRelative ? current : root,
      args: [isRelative ? script : join(root, script)],
      env: { PWD: isRelative ? current : root },
    });
    const old = await service.ready(1);
    deploy(2);
    send(old, 'SIGHUP');
    await service.ready(2);
    const { cwd, argv } = await service.saw({ generation: 2, begun: true });
    if (isRelative) expect(cwd).toBe(join(root, 'release-2'));
    expect((argv as string[])[1]).toBe(join(current, 'app.cjs'));
  });

  it('is not followed where the release was named itself', async () => {
    const { root, deploy } = releases();
    const script = join(root, 'release-1', 'app.cjs');
    const current = join(root, 'current');
    await using service = new Service({ cwd: current, args: [script], env: { PWD: current } });
    const old = await service.ready(1);
    deploy(2);
    send(old, 'SIGHUP');
    await service.ready(2);
    const { argv } = await service.saw({ generation: 2, begun: true });
    expect((argv as string[])[1]).toBe(script);
  });
});

describe('the old generation is killed', () => {
  it('before the new one is ready: that one leads', async () => {
    const pidFile = join(temporaryDirectory(), 'service.pid');
    await using service = new Service({
      plan: { '*': { setup: { pidFile, bakeMs: 100 } }, 2: { readyAfterMs: 700 } },
    });
    const address = await service.address();
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const { pid } = await service.saw({ generation: 2, begun: true });
    send(old, 'SIGKILL');
    await service.saw({ pid, step: 'parent-gone' });
    await service.ready(2);
    expect(await ask(address)).toBe(`2:${pid}`);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${pid}\n`);
    send(pid, 'SIGHUP');
    await service.ready(3);
    await service.saw({ pid, step: 'done' });
  });

  it('while the new one bakes: that one leads', async () => {
    await using service = new Service({ plan: { 1: { setup: { bakeMs: 20_000 } } } });
    const address = await service.address();
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const { successor } = await service.saw({ pid: old, step: 'ready' });
    const next = Number(successor);
    send(old, 'SIGKILL');
    await service.saw({ pid: next, step: 'parent-gone' });
    expect(await ask(address)).toBe(`2:${next}`);
    send(next, 'SIGHUP');
    await service.ready(3);
    await service.saw({ pid: next, step: 'done' });
  });

  it('while it drains: what was in flight there is lost, and nothing else', async () => {
    await using service = new Service();
    const address = await service.address();
    const old = await service.ready(1);
    const slow = ask(address, '/slow?ms=10000').catch(({ code }) => code);
    await service.saw({ request: '/slow' });
    send(old, 'SIGHUP');
    await service.saw({ pid: old, step: 'done' });
    send(old, 'SIGKILL');
    expect(await slow).toBe('ECONNRESET');
    expect(await ask(address)).toMatch(/^2:/);
  });
});

it('the old generation stands still until the time to be ready is over: that the new one was ready counts', async () => {
  const [readyTimeoutMs, bakeMs] = [8000, 100];
  await using service = new Service({
    plan: { '*': { setup: { readyTimeoutMs, bakeMs } }, 2: { readyAfterMs: 200 } },
  });
  const old = await service.ready(1);
  send(old, 'SIGHUP');
  await service.saw({ generation: 2, begun: true });
  const isOver = new Promise((resolve) => setTimeout(resolve, readyTimeoutMs));
  send(old, 'SIGSTOP');
  await service.ready(2);
  await isOver;
  send(old, 'SIGCONT');
  await service.saw({ pid: old, step: 'done' });
});

it('a storm of signals brings one upgrade', async () => {
  await using service = new Service({ plan: { '*': { setup: { bakeMs: 1500 } } } });
  const address = await service.address();
  const old = await service.ready(1);
  for (let count = 0; count < 50; count += 1) {
    send(old, 'SIGHUP');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await service.saw({ pid: old, step: 'done' });
  expect(service.events.filter(({ step }) => step === 'spawn')).toHaveLength(1);
  expect(await ask(address)).toMatch(/^2:/);
});
