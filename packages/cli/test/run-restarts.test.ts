import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { logged } from '../../restart/test/harness/logged';
import { ask, send } from '../../restart/test/harness/service';
import { commandRoom } from './harness/command-room';
import { endOf, supervisorOf, workersOf } from './harness/run-service';
import { succeeded } from './harness/succeeded';

const BIN = join(__dirname, '..', 'bin', 'lastcall.js');

const room = commandRoom();
const { lastcall, run } = room;

it('a worker that was given up, and then replaced by an upgrade, is no failure of the service', async () => {
  await using service = run({ options: ['--workers', '2', '--restart', 'never'] });
  const [, lost = 0] = await workersOf(service, 1, 2);
  send(lost, 'SIGKILL');
  await logged(service, 'is not started anew');
  await succeeded(lastcall('reload', String(supervisorOf(service))));
  await workersOf(service, 2, 2);
  send(supervisorOf(service), 'SIGTERM');
  expect(await endOf(service)).toEqual([null, 'SIGTERM']);
});

describe('a worker that ends is started anew, and the log says so', () => {
  it('after a crash: how it ended, and that its place is served again', async () => {
    await using service = run();
    const address = await service.address();
    const pid = await service.ready(1);
    expect(service.err).not.toContain('serves');
    send(pid, 'SIGKILL');
    await logged(
      service,
      `worker 0: process ${pid} ended (SIGKILL); the next one starts in 100 ms`,
    );
    const [, next] = (await ask(address)).split(':');
    await logged(service, new RegExp(`worker 0: process ${next} serves again, after \\d`));
  });

  it('when somebody else than the supervisor has asked it to end, and it drains what it has', async () => {
    await using service = run({ options: ['--workers', '2'] });
    const address = await service.address();
    await workersOf(service, 1, 2);
    const slow = ask(address, '/slow?ms=700');
    const { pid } = await service.saw({ request: '/slow' });
    const since = service.events.length;
    send(pid, 'SIGTERM');
    expect(await slow).toBe(`1:${pid}`);
    const next = await service.saw({ ready: true }, since);
    await logged(service, `process ${pid} ended (SIGTERM), as somebody else asked it to; the next`);
    await logged(service, new RegExp(`process ${next.pid} serves again, after`));
    const { out } = await lastcall('status', String(supervisorOf(service)));
    expect(out).toMatch(new RegExp(`pid ${next.pid}, generation 1, serving, 1 restart,`));
  });

  it('also one that says by exit code 0 that it is done, with --restart always', async () => {
    await using service = run({
      options: ['--restart', 'always'],
      plan: { '*': { fault: 'bake', how: 'done' } },
    });
    const { pid } = await service.saw({ ready: true });
    await logged(service, `process ${pid} ended (exit code 0); the next one starts`);
    await logged(service, /serves again, after/);
  });

  it('when its first start has failed, with --restart always', async () => {
    const unless = join(room.folder, 'mended');
    await using service = run({
      options: ['--restart', 'always'],
      plan: { 1: { fault: 'import', unless } },
    });
    const { pid } = await service.saw({ fault: 'import' });
    writeFileSync(unless, '');
    await logged(service, `process ${pid} ended (exit code 7); the next one starts in 100 ms`);
    await logged(service, /process \d+ serves, after \d/);
    await logged(service, 'the worker is ready');
  });
});

describe('the service is said to be up, also to systemd', () => {
  it('when the first process of a worker failed, and the next one serves', async () => {
    const unless = join(room.folder, 'mended');
    await using service = run({
      options: ['--restart', 'always', '--workers', '2'],
      plan: { 1: { fault: 'import', unless } },
    });
    await service.saw({ fault: 'import' });
    writeFileSync(unless, '');
    await workersOf(service, 1, 2);
    await logged(service, '2 workers are ready');
  });

  it('when the worker is ready later than it may be in an upgrade', async () => {
    await using service = run({
      options: ['--ready-timeout', '0.2'],
      plan: { 1: { readyAfterMs: 1000 } },
    });
    await service.ready(1);
    await logged(service, 'the worker is ready');
    expect(service.err.match(/the worker is ready/g)).toHaveLength(1);
  });
});

describe('a worker that ends is not started anew, and the log says why', () => {
  it('when the first start fails: the service ends as it did', async () => {
    await using service = run({ plan: { 1: { fault: 'import' } } });
    const { pid } = await service.saw({ fault: 'import' });
    expect(await endOf(service)).toEqual([7, null]);
    await logged(
      service,
      `worker 0: process ${pid} ended (exit code 7) and is not started anew: no worker has called restart.ready() yet`,
    );
    expect(service.err).toContain('what it wrote says why');
  });

  it('with --restart never, until a reload', async () => {
    await using service = run({ options: ['--workers', '2', '--restart', 'never'] });
    const [, pid = 0] = await workersOf(service, 1, 2);
    send(pid, 'SIGTERM');
    await logged(
      service,
      `process ${pid} ended (SIGTERM), as somebody else asked it to and is not started anew: --restart never; lastcall reload`,
    );
    const supervisor = String(supervisorOf(service));
    expect((await lastcall('status', supervisor)).out).toContain('started anew by lastcall reload');
    await succeeded(lastcall('reload', supervisor));
    await workersOf(service, 2, 2);
  });

  it('when exit code 0 says that it is done', async () => {
    await using service = run({ plan: { '*': { fault: 'bake', how: 'done' } } });
    const { pid } = await service.saw({ ready: true });
    expect(await endOf(service)).toEqual([0, null]);
    await logged(
      service,
      `process ${pid} ended (exit code 0) and is not started anew: exit code 0`,
    );
  });
});

it('no worker is started anew in a stop that reaches the workers before the supervisor', async () => {
  await using service = run({ options: ['--workers', '3'] });
  const workers = await workersOf(service, 1, 3);
  // As systemd may do with KillMode=control-group.
  for (const pid of [...workers, supervisorOf(service)]) send(pid, 'SIGTERM');
  expect(await endOf(service)).toEqual([null, 'SIGTERM']);
  expect(service.events.filter(({ begun }) => begun)).toHaveLength(3);
});

describe('a program that is no service', () => {
  function outcomeOf(...command: string[]): { status: number | null; stderr: string } {
    const { status, stderr } = spawnSync(process.execPath, [BIN, 'run', '--', ...command], {
      encoding: 'utf8',
      env: { ...process.env, LASTCALL_CONTROL_DIR: room.folder },
      timeout: 20_000,
    });
    return { status, stderr };
  }

  it('is done with exit code 0, and nothing is to be said', () => {
    expect(outcomeOf('true')).toEqual({ status: 0, stderr: '' });
  });

  it('has its failure said, with what exit code 13 of Node means', () => {
    const source = 'await new Promise(() => {})';
    const { status, stderr } = outcomeOf(process.execPath, '--input-type=module', '--eval', source);
    expect(status).toBe(13);
    expect(stderr).toMatch(/process \d+ ended \(exit code 13, of Node: an await at the top level/);
  });
});
