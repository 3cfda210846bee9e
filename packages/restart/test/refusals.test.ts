import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createTestLifecycle } from '@lastcall/proc/testing';
import { itWith, MOUNTS, PID_NAMESPACES } from '../../proc/test/harness/needs';
import { createRestart, type Restart, type RestartEnvironment } from '../src';
import { assertSupported } from '../src/assert-supported';
import { createProcessRestartEnvironment } from '../src/process-restart-environment';
import { ask, Service, send } from './harness/service';

function restartIn(changes: Partial<RestartEnvironment>) {
  const test = createTestLifecycle();
  const environment = { ...createProcessRestartEnvironment(), ...changes };
  return { ...test, restart: createRestart({ ...test, environment }) };
}

/** Its one child, as this namespace counts. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]);
}

describe('an upgrade is refused, and the service goes on', () => {
  it.each<[string, Partial<RestartEnvironment>, string]>([
    ['on Windows', { platform: 'win32' }, 'Windows'],
    ['in Bun', { isBun: true }, 'Bun'],
    ['in a worker thread', { isMainThread: false }, 'worker thread'],
    ['in a cluster worker', { isClusterWorker: true }, 'lastcall run --workers'],
    ['as PID 1', { pid: 1 }, 'lastcall run -- node app.js'],
    ['below tini', { ppid: 1, programOf: () => 'tini' }, 'tini ends the container'],
  ])('%s', async (_, changes, text) => {
    const { restart, events, kill } = restartIn(changes);
    await restart.ready();
    await expect(restart.upgrade()).rejects.toMatchObject({
      code: 'LASTCALL_UPGRADE_UNSUPPORTED',
      message: expect.stringContaining(text),
    });
    kill('SIGHUP');
    const refused = events.filter((event) => event.type === 'upgrade' && event.step === 'refused');
    expect(refused.map((event) => 'reason' in event && event.reason)).toEqual(['call', 'SIGHUP']);
    expect(restart.status().state).toBe('serving');
  });

  it('below systemd, whose PID is 1, it is not', async () => {
    const { restart } = restartIn({ ppid: 1, programOf: () => 'systemd', stat: () => null });
    await restart.ready();
    await expect(restart.upgrade()).rejects.toMatchObject({
      code: 'LASTCALL_UPGRADE_PREFLIGHT_FAILED',
    });
  });

  it('in a later generation, which PID 1 has adopted, it is not', () => {
    const environment = { ...createProcessRestartEnvironment(), ppid: 1, programOf: () => 'tini' };
    expect(() => assertSupported(environment, 2)).not.toThrow();
    expect(() => assertSupported(environment, 1)).toThrow('tini ends the container');
  });

  itWith(['unshare', PID_NAMESPACES, MOUNTS]).each([
    ['a script that a shell runs', ['sh', '-c', '"$@"; exit 0', 'sh']],
    ['lastcall-init', [join(__dirname, '../../cli/bin/lastcall-init')]],
  ])('as the child of %s that is PID 1, really', async (_, front) => {
    await using service = new Service({
      under: ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', ...front],
      hasOwnPids: true,
    });
    const address = await service.address();
    const { pid } = await service.saw({ ready: true });
    send(childOf(childOf(service.child.pid as number)), 'SIGHUP');
    await service.saw({ step: 'refused', code: 'LASTCALL_UPGRADE_UNSUPPORTED' });
    expect(await ask(address)).toBe(`1:${pid}`);
  });

  itWith(['unshare', PID_NAMESPACES])('as PID 1 of a container, really', async () => {
    await using service = new Service({
      under: ['unshare', '--pid', '--fork', '--kill-child'],
      hasOwnPids: true,
    });
    const address = await service.address();
    const { pid } = await service.saw({ ready: true });
    expect(pid).toBe(1);
    // Its pid here is another.
    send(childOf(service.child.pid as number), 'SIGHUP');
    await service.saw({ step: 'refused', code: 'LASTCALL_UPGRADE_UNSUPPORTED' });
    expect(await ask(address)).toBe('1:1');
  });

  it('in a cluster worker, really', async () => {
    await using service = new Service({ fixture: 'cluster.cjs' });
    await service.saw({ code: 'LASTCALL_UPGRADE_UNSUPPORTED' });
  });
});

describe('a check that cannot be started is one that says no', () => {
  const spawn = (): never => {
    throw new Error('spawn ENOMEM');
  };
  it.each<[string, Partial<RestartEnvironment>, string]>([
    ['as there is no memory', { spawn }, 'could not be started: spawn ENOMEM'],
    ['as it is not there', {}, 'could not be started: '],
  ])('%s', async (_, changes, text) => {
    const { restart } = restartIn({ ...changes, pid: 4711, ppid: 4710 });
    restart.setup({ check: ['/nowhere/check'] });
    await restart.ready();
    await expect(restart.upgrade()).rejects.toMatchObject({
      code: 'LASTCALL_UPGRADE_CHECK_FAILED',
      message: expect.stringContaining(text),
    });
  });
});

describe('SIGHUP at a terminal', () => {
  it('has its default, unless an upgrade was asked for', async () => {
    const isOwned = (
      restart: Restart,
      environment: { signalHandlerCount(s: 'SIGHUP'): number },
    ) => {
      restart.setup({});
      return environment.signalHandlerCount('SIGHUP') > 0;
    };
    const plain = restartIn({ isTerminal: () => true });
    expect(isOwned(plain.restart, plain.environment)).toBe(false);
    plain.restart.setup({ upgradeOnTerminal: true });
    expect(isOwned(plain.restart, plain.environment)).toBe(true);
    plain.restart.setup({ upgradeSignal: 'none' });
    expect(isOwned(plain.restart, plain.environment)).toBe(false);
    const service = restartIn({ isTerminal: () => false });
    expect(isOwned(service.restart, service.environment)).toBe(true);
  });
});

describe('bad input is refused at the call', () => {
  const { restart } = restartIn({});
  const server = () => createServer();
  const bad = (code: string) => expect.objectContaining({ code });

  it.each<[string, () => unknown, string]>([
    [
      'no server',
      () => restart.listen({} as never, { name: 'a', port: 0 }),
      'LASTCALL_RESTART_BAD_SERVER',
    ],
    ['no name', () => restart.listen(server(), { port: 0 } as never), 'LASTCALL_BAD_OPTION'],
    [
      'a port out of range',
      () => restart.listen(server(), { name: 'a', port: 70_000 }),
      'LASTCALL_BAD_OPTION',
    ],
    [
      'a port that is no number',
      () => restart.listen(server(), { name: 'a', port: 'http' }),
      'LASTCALL_BAD_OPTION',
    ],
    [
      'a port that is empty',
      () => restart.listen(server(), { name: 'a', port: '' }),
      'LASTCALL_BAD_OPTION',
    ],
    [
      'two places',
      () => restart.listen(server(), { name: 'a', port: 1, path: '/x' }),
      'LASTCALL_BAD_OPTION',
    ],
    [
      'an unknown option',
      () => restart.listen(server(), { name: 'a', prot: 1 } as never),
      'LASTCALL_BAD_OPTION',
    ],
    [
      'no datagram socket',
      () => restart.bind(server() as never, { name: 'a' }),
      'LASTCALL_RESTART_BAD_SERVER',
    ],
    [
      'hooks that are none',
      async () => restart.onUpgrade({ before: 7 as never }),
      'LASTCALL_BAD_LISTENER',
    ],
    [
      'an unknown hook',
      async () => restart.onUpgrade({ during: () => {} } as never),
      'LASTCALL_BAD_OPTION',
    ],
  ])('%s', async (_, call, code) => {
    await expect(call()).rejects.toEqual(bad(code));
  });

  it('a name that is taken', async () => {
    const [first, second] = [server(), server()];
    await restart.listen(first, { name: 'taken', port: 0 });
    const again = restart.listen(second, { name: 'taken', port: 0 });
    await expect(again).rejects.toEqual(bad('LASTCALL_SOCKET_NAME_TAKEN'));
    const socket = dgram.createSocket('udp4');
    await expect(restart.bind(socket, { name: 'taken' })).rejects.toEqual(
      bad('LASTCALL_SOCKET_NAME_TAKEN'),
    );
    socket.close();
    // Once it is closed, the name is free.
    await new Promise((resolve) => first.close(resolve));
    await restart.listen(second, { name: 'taken', port: 0 });
    await new Promise((resolve) => second.close(resolve));
  });
});

it('importing does nothing observable', async () => {
  const program = `
    const before = JSON.stringify([process.eventNames(), process.getActiveResourcesInfo(), Object.keys(process.env)]);
    require('@lastcall/restart');
    const after = JSON.stringify([process.eventNames(), process.getActiveResourcesInfo(), Object.keys(process.env)]);
    console.log(JSON.stringify({ pid: process.pid, generation: 1, same: before === after }));`;
  await using service = new Service({
    args: ['-e', program],
    cwd: join(__dirname, '..'),
    env: { LASTCALL_HANDOVER: 'anything' },
  });
  await service.saw({ same: true });
});
