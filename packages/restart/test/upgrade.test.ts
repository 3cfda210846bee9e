import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { itWith } from '../../proc/test/harness/needs';
import { logged } from './harness/logged';
import { ask, hold, isAlive, Service, send, temporaryDirectory } from './harness/service';

describe('an upgrade by SIGHUP', () => {
  it('puts a new generation on the same sockets, and ends the old one with exit code 0', async () => {
    await using service = new Service();
    const address = await service.address();
    const old = await service.ready(1);
    expect(await ask(address)).toBe(`1:${old}`);
    send(old, 'SIGHUP');
    const next = await service.ready(2);
    await service.saw({ pid: old, step: 'done', successor: next });
    expect(await ask(address)).toBe(`2:${next}`);
    await service.saw({ pid: old, report: 'upgrade', ok: true });
    await service.gone(old);
    expect(await service.exited).toEqual({ code: 0, signal: null });
    await service.saw({ pid: next, step: 'parent-gone' });
    expect(await service.address('web', 2)).toBe(address);
  });

  it('answers what is in flight in the old generation', async () => {
    await using service = new Service();
    const address = await service.address();
    const old = await service.ready(1);
    const slow = ask(address, '/slow?ms=800');
    await service.saw({ request: '/slow' });
    send(old, 'SIGHUP');
    await service.saw({ pid: old, step: 'done' });
    expect(await ask(address)).toMatch(/^2:/);
    expect(await slow).toBe(`1:${old}`);
  });

  it('has the lines of the new generation say whose they are, as both write to one stream', async () => {
    await using service = new Service();
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const next = await service.ready(2);
    await service.gone(old);
    send(next, 'SIGTERM');
    await service.gone(next);
    await logged(service, `lastcall[${next}]: SIGTERM received\n`);
    expect(service.err).toContain('lastcall: upgrading (SIGHUP)\n');
  });

  itWith(['python3'])(
    'says at a terminal how the new generation is ended from now on',
    async () => {
      await using service = new Service({
        under: ['python3', '-c', 'import pty, sys; pty.spawn(sys.argv[1:])'],
        env: { LASTCALL_UPGRADE_ON_TERMINAL: 'true' },
      });
      const old = await service.ready(1);
      send(old, 'SIGHUP');
      const { successor } = await service.saw({ pid: old, step: 'done' });
      await logged(service, `no job of this terminal: kill ${successor} ends it`);
    },
  );

  it('can be repeated', async () => {
    await using service = new Service();
    const address = await service.address();
    let pid = await service.ready(1);
    for (let generation = 2; generation <= 4; generation += 1) {
      send(pid, 'SIGHUP');
      pid = await service.ready(generation);
      // A signal that comes before the parent has let go waits for that.
    }
    await service.saw({ generation: 3, step: 'done' });
    expect(await ask(address)).toBe(`4:${pid}`);
  });

  it('is refused while one is under way, and once the process has been replaced', async () => {
    await using service = new Service({ plan: { 1: { setup: { bakeMs: 2000 } } } });
    const old = await service.ready(1);
    const held = hold(await service.address());
    await service.saw({ request: '/held' });
    send(old, 'SIGHUP');
    await service.saw({ pid: old, step: 'spawn' });
    send(old, 'SIGHUP');
    await service.saw({ pid: old, step: 'refused', code: 'LASTCALL_UPGRADE_IN_PROGRESS' });
    await service.saw({ pid: old, step: 'done' });
    send(old, 'SIGHUP');
    await service.saw({ pid: old, step: 'refused', code: 'LASTCALL_UPGRADE_REPLACED' });
    held.release();
    expect(await held.answer).toBe(`1:${old}`);
    expect(service.events.filter(({ step }) => step === 'spawn')).toHaveLength(1);
  });

  it('is refused before the process is ready', async () => {
    await using service = new Service({ plan: { 1: { neverReady: true } } });
    await service.address();
    send(service.child.pid ?? 0, 'SIGHUP');
    await service.saw({ step: 'refused', code: 'LASTCALL_UPGRADE_NOT_READY' });
    expect(await ask(await service.address())).toMatch(/^1:/);
  });
});

describe('the pid file', () => {
  it('that is a device is not read at the stop either: it has no end', async () => {
    const source = `
      const { restart } = require('@lastcall/restart');
      const server = require('node:http').createServer();
      const say = (event) => console.log(JSON.stringify(event));
      restart.setup({ pidFile: '/dev/zero' });
      restart.listen(server, { name: 'web', port: 0 })
        .then(() => restart.ready())
        .catch((error) => say({ failed: error.code }));`;
    await using service = new Service({ args: ['-e', source], cwd: join(__dirname, '..') });
    await service.saw({ failed: 'LASTCALL_PID_FILE_NOT_WRITTEN' });
    send(service.child.pid ?? 0, 'SIGTERM');
    expect(await service.exited).toEqual({ code: null, signal: 'SIGTERM' });
  });

  it('names the generation in charge, and is removed at the stop', async () => {
    const pidFile = join(temporaryDirectory(), 'service.pid');
    await using service = new Service({ env: { LASTCALL_PID_FILE: pidFile } });
    const old = await service.ready(1);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${old}\n`);
    send(old, 'SIGHUP');
    const next = await service.ready(2);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${next}\n`);
    await service.gone(old);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${next}\n`);
    send(next, 'SIGTERM');
    await service.gone(next);
    expect(existsSync(pidFile)).toBe(false);
  });

  it('names the old generation again after a rollback', async () => {
    const pidFile = join(temporaryDirectory(), 'service.pid');
    await using service = new Service({
      plan: { '*': { setup: { pidFile, bakeMs: 2000 } }, 2: { fault: 'bake', how: 'kill' } },
    });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    await service.saw({ pid: old, step: 'rolled-back' });
    expect(readFileSync(pidFile, 'utf8')).toBe(`${old}\n`);
  });

  it('is left alone by a process that does not own it', async () => {
    const pidFile = join(temporaryDirectory(), 'service.pid');
    await using first = new Service({ env: { LASTCALL_PID_FILE: pidFile } });
    const pid = await first.ready(1);
    await using second = new Service({ env: { LASTCALL_PID_FILE: pidFile } });
    const other = await second.ready(1);
    send(pid, 'SIGTERM');
    await first.gone(pid);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${other}\n`);
  });
});

describe('a stop', () => {
  it('during an upgrade ends the new generation that is not ready', async () => {
    await using service = new Service({ plan: { 2: { fault: 'listen', how: 'hang' } } });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const { pid } = await service.saw({ generation: 2, fault: 'listen' });
    send(old, 'SIGTERM');
    await service.saw({ pid: old, step: 'failed', code: 'LASTCALL_UPGRADE_STOPPING' });
    await service.gone(pid);
    await service.gone(old);
    expect((await service.exited).signal).toBe('SIGTERM');
    await logged(service, 'LASTCALL_UPGRADE_STOPPING');
    expect(service.err).not.toContain('serves on');
  });

  it('of the new generation while it bakes is a stop of the service', async () => {
    await using service = new Service({ plan: { '*': { setup: { bakeMs: 10_000 } } } });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const next = await service.ready(2);
    await service.saw({ pid: old, step: 'ready' });
    send(next, 'SIGTERM');
    await service.closed;
    expect(service.events.some(({ step }) => step === 'rolled-back')).toBe(false);
  });

  it.each([
    ['is not ready', { readyAfterMs: 60_000 }, {}],
    ['bakes, in a unit of systemd', {}, { NOTIFY_SOCKET: '/nowhere' }],
  ])(
    'of both, by one signal, cuts nothing while the new one %s',
    async (_what, plan: { readyAfterMs?: number }, env) => {
      const setup = { bakeMs: 10_000 };
      await using service = new Service({ plan: { '*': { setup }, 2: { setup, ...plan } }, env });
      const address = await service.address();
      const old = await service.ready(1);
      send(old, 'SIGHUP');
      const { pid: next } = await service
        .saw({ pid: old, step: 'spawn' })
        .then(() => service.saw({ generation: 2, begun: true }));
      await service.address('web', 2);
      if (plan.readyAfterMs === undefined) await service.saw({ pid: old, step: 'ready' });
      const answers: Promise<string>[] = [];
      const isBusy = (): boolean =>
        service.events.some(({ pid, request }) => pid === next && request === '/slow');
      while (!isBusy()) {
        answers.push(ask(address, '/slow?ms=1000'));
        await ask(address);
      }
      // As systemd does by default, and Ctrl-C.
      for (const pid of [old, next]) send(pid, 'SIGTERM');
      for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^[12]:/);
      for (const pid of [old, next]) await service.saw({ pid, report: 'SIGTERM', ok: true });
    },
  );

  it('of the new generation before it is ready is none of the service, though it goes on to be ready', async () => {
    const path = join(temporaryDirectory(), 'service.sock');
    const pidFile = join(temporaryDirectory(), 'service.pid');
    const plan = { sockets: [{ name: 'web', path }], setup: { bakeMs: 100, pidFile } };
    await using service = new Service({
      plan: { '*': plan, 2: { readyAfterMs: 2000 } },
      // It is to live until then.
      env: {
        LASTCALL_WRAP_UP_TIME_MS: '4000',
        LASTCALL_HAMMER_TIME_MS: '10000',
        LASTCALL_WAIT_TIME_MS: '11000',
      },
    });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    await service.address('web', 2);
    const { pid } = await service.saw({ generation: 2, begun: true });
    send(pid, 'SIGTERM');
    // Its program is none the wiser.
    await service.ready(2);
    await service.saw({ pid: old, step: 'failed', code: 'LASTCALL_UPGRADE_CHILD_ENDED' });
    expect(await ask(path)).toBe(`1:${old}`);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${old}\n`);
  });

  it('of the old one while the new one bakes leaves the new one in charge', async () => {
    await using service = new Service({ plan: { '*': { setup: { bakeMs: 10_000 } } } });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const next = await service.ready(2);
    await service.saw({ pid: old, step: 'ready' });
    send(old, 'SIGTERM');
    await service.gone(old);
    expect(await ask(await service.address())).toBe(`2:${next}`);
    expect(isAlive(next)).toBe(true);
  });
});

describe('unix sockets', () => {
  it('keep their path across generations, and lose it with the last one', async () => {
    const path = join(temporaryDirectory(), 'service.sock');
    await using service = new Service({ plan: { '*': { sockets: [{ name: 'web', path }] } } });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const next = await service.ready(2);
    await service.gone(old);
    expect(await ask(path)).toBe(`2:${next}`);
    send(next, 'SIGHUP');
    const last = await service.ready(3);
    await service.gone(next);
    expect(await ask(path)).toBe(`3:${last}`);
    expect(statSync(path).isSocket()).toBe(true);
    send(last, 'SIGTERM');
    await service.gone(last);
    expect(existsSync(path)).toBe(false);
  });
});
