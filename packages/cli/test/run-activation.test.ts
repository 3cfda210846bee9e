import { itWith } from '../../proc/test/harness/needs';
import { freePort } from '../../restart/test/harness/free-port';
import { logged } from '../../restart/test/harness/logged';
import { ask, type Service } from '../../restart/test/harness/service';
import { commandRoom } from './harness/command-room';
import { supervisorOf } from './harness/run-service';
import { succeeded } from './harness/succeeded';

const room = commandRoom();
const itActivates = itWith(['systemd-socket-activate']);

/** `lastcall run` with sockets of systemd, by the names of their units. */
function runActivated(
  ports: readonly number[],
  names: string,
  options: Parameters<typeof room.run>[0],
): Service {
  const listen = ports.flatMap((port) => ['-l', `127.0.0.1:${port}`]);
  const passed = ['PLAN', 'PATH', 'HOME', 'LASTCALL_WRAP_UP_TIME_MS', 'LASTCALL_CONTROL_DIR'];
  const environment = passed.flatMap((name) => ['-E', name]);
  const under = ['systemd-socket-activate', ...listen, `--fdname=${names}`, ...environment];
  return room.run({ ...options, under });
}

/** The first connection starts the service. */
async function firstAnswer(service: Service, port: number): Promise<string> {
  await logged(service, 'Listening on');
  return ask(`127.0.0.1:${port}`);
}

/** A reload by which the next generation serves the same sockets. @param ports - by their names */
async function replaces(
  service: Service,
  generation: number,
  ports: Readonly<Record<string, number>>,
): Promise<void> {
  const pid = await service.ready(generation);
  for (const [name, port] of Object.entries(ports))
    expect(await service.address(name, generation)).toBe(`127.0.0.1:${port}`);
  await succeeded(room.lastcall('reload', String(supervisorOf(service)), '--wait-drained'));
  await service.gone(pid);
  for (const port of Object.values(ports))
    expect(await ask(`127.0.0.1:${port}`)).toMatch(new RegExp(`^${generation + 1}:`));
}

itActivates(
  'several sockets of one unit have its name, and are told apart by where they are',
  async () => {
    const [web, admin] = [await freePort(), await freePort()];
    const sockets = [
      { name: 'admin', port: admin, host: '127.0.0.1' },
      { name: 'app', port: web, host: '127.0.0.1' },
    ];
    await using service = runActivated([web, admin], 'app.socket:app.socket', {
      plan: { '*': { sockets } },
    });
    expect(await firstAnswer(service, web)).toMatch(/^1:/);
    for (const generation of [1, 2, 3]) await replaces(service, generation, { app: web, admin });
  },
);

itActivates(
  'nobody reaches the old worker once it has been replaced, whatever the socket is called',
  async () => {
    const port = await freePort();
    const sockets = [{ name: 'web', port, host: '127.0.0.1' }];
    await using service = runActivated([port], 'web.socket', {
      options: ['--bake', '1ms'],
      env: { LASTCALL_WRAP_UP_TIME_MS: '3000' },
      plan: { '*': { sockets } },
    });
    expect(await firstAnswer(service, port)).toMatch(/^1:/);
    await service.ready(1);
    await succeeded(room.lastcall('reload', String(supervisorOf(service))));
    const pid = await service.ready(2);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(`127.0.0.1:${port}`)));
    expect(new Set(answers)).toEqual(new Set([`2:${pid}`]));
  },
);

itActivates(
  'a program may know its sockets by the descriptors that systemd has passed, which are others in a worker',
  async () => {
    const [web, admin] = [await freePort(), await freePort()];
    const sockets = [
      { name: 'admin', fd: 4 },
      { name: 'web', fd: 3 },
    ];
    await using service = runActivated([web, admin], 'one.socket:two.socket', {
      plan: { '*': { sockets } },
    });
    expect(await firstAnswer(service, web)).toMatch(/^1:/);
    for (const generation of [1, 2]) await replaces(service, generation, { web, admin });
  },
);
