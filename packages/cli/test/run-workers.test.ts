import { join } from 'node:path';
import { freePort } from '../../restart/test/harness/free-port';
import { ask, isAlive, send } from '../../restart/test/harness/service';
import { commandRoom } from './harness/command-room';
import { supervisorOf } from './harness/run-service';
import { succeeded } from './harness/succeeded';

const REGISTER = join(__dirname, '../../restart/dist/control/register.js');

const room = commandRoom();
const { lastcall, run } = room;

describe('a worker of lastcall run that is named itself', () => {
  it('lastcall reload has all workers replaced, and sees what comes of it', async () => {
    await using service = run();
    const old = await service.ready(1);
    const { code, out, err } = await lastcall('reload', String(old));
    const next = await service.ready(2);
    expect(err).toContain(
      `process ${old} is a worker of lastcall run, process ${supervisorOf(service)}`,
    );
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(`reloaded: ${next}`) });
  });

  it('lastcall dump says that there is no worker of that number', async () => {
    await using service = run({ options: ['--workers', '2'] });
    await service.ready(1);
    const supervisor = String(supervisorOf(service));
    const { code, err } = await lastcall('dump', supervisor, '--worker', '7');
    expect(err).toContain(`process ${supervisor} has no worker 7: --worker 0 (process `);
    expect(code).toBe(2);
  });

  it('lastcall reload says at once that it cannot be when lastcall run is gone', async () => {
    await using service = run();
    const worker = await service.ready(1);
    const supervisor = supervisorOf(service);
    send(supervisor, 'SIGKILL');
    await service.saw({ pid: worker, step: 'parent-gone' });
    const { code, err } = await lastcall('reload', String(worker));
    expect(err).toContain(`was started by lastcall run (process ${supervisor}), which is gone`);
    expect(code).toBe(4);
    expect(service.events.filter(({ step }) => step === 'refused')).toEqual([]);
    expect(await ask(await service.address())).toBe(`1:${worker}`);
  });

  it('says which workers serve on when the lastcall run that is named is gone, as often as it is asked', async () => {
    const pidFile = join(room.folder, 'api.pid');
    await using service = run({ options: ['--name', 'api', '--pid-file', pidFile] });
    const worker = await service.ready(1);
    const supervisor = supervisorOf(service);
    // By what is left of its control socket it is known by its name, and the worker does not wait for that.
    while (!(await lastcall('status')).out.includes(String(supervisor)));
    send(supervisor, 'SIGKILL');
    await service.saw({ pid: worker, step: 'parent-gone' });
    await service.exited;
    for (const [command, target] of [
      ['stop', 'api'],
      ['status', 'api'],
      ['reload', pidFile],
      ['stop', String(supervisor)],
    ] as const) {
      const { code, err } = await lastcall(command, target);
      expect(err).toContain(`lastcall run, process ${supervisor}, is gone`);
      expect(err).toContain(`lastcall stop ${worker}`);
      expect(code).toBe(4);
    }
    expect(isAlive(worker)).toBe(true);
    await succeeded(lastcall('stop', String(worker)));
    const { code, err } = await lastcall('stop', 'api');
    expect(err).toContain("there is no process, pid file or control socket 'api'");
    expect(code).toBe(3);
  });

  it('lastcall reload says the same where the worker has a control socket', async () => {
    await using service = run({ env: { NODE_OPTIONS: `--require ${REGISTER}` } });
    const worker = await service.ready(1);
    while (!(await lastcall('status')).out.includes(String(worker)));
    send(supervisorOf(service), 'SIGKILL');
    await service.saw({ pid: worker, step: 'parent-gone' });
    const { code, err } = await lastcall('reload', String(worker));
    expect(err).toContain('which is gone, and nobody else can replace it');
    expect(code).toBe(4);
  });

  it('lastcall stop says who stops the service', async () => {
    await using service = run();
    const worker = await service.ready(1);
    const supervisor = supervisorOf(service);
    const since = service.events.length;
    const { err } = await succeeded(lastcall('stop', String(worker)));
    expect(err).toContain(`is a worker of process ${supervisor}, which starts others`);
    await service.saw({ generation: 1, ready: true }, since);
    expect(isAlive(supervisor)).toBe(true);
  });
});

it('every worker is told in the same way that it asks for a socket too late', async () => {
  const port = await freePort();
  const lateSockets = [{ name: 'admin', port, host: '127.0.0.1' }];
  await using service = run({ options: ['--workers', '3'], plan: { '*': { lateSockets } } });
  await service.address('admin');
  const failures = await service.when('two failures', () => {
    const failed = service.events.filter((event) => event.failed !== undefined);
    return failed.length >= 2 ? failed : undefined;
  });
  for (const { failed, message } of failures) {
    expect(failed).toBe('LASTCALL_SOCKET_IN_USE');
    expect(message).toContain('call restart.listen() before restart.ready()');
  }
});
