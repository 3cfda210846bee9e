import { closeSync, fstatSync, openSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { createProcessRestartEnvironment } from '../src/process-restart-environment';
import { handleOf } from '../src/sockets/node-handles';
import { reserveHandles } from '../src/sockets/reserve-handles';
import { ask, Service, send, temporaryDirectory } from './harness/service';

/** More than Node sends to another process at a time. */
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

const inodeOf = (fd: number): number => fstatSync(fd).ino;

it('a reserve has a second handle of each socket, in their order', async () => {
  const servers = await Promise.all(NAMES.map(() => listening()));
  try {
    const fds = servers.map((server) => handleOf(server)?.fd ?? -1);
    const handles = await reserveHandles(createProcessRestartEnvironment(), fds);
    expect(handles?.map(({ fd }) => inodeOf(fd))).toEqual(fds.map(inodeOf));
    for (const handle of handles ?? []) handle.close();
  } finally {
    for (const server of servers) server.close();
  }
});

it('there is none where a descriptor is no socket', async () => {
  const file = openSync(__filename, 'r');
  try {
    expect(await reserveHandles(createProcessRestartEnvironment(), [file])).toBeNull();
  } finally {
    closeSync(file);
  }
});

describe('a service with many sockets', () => {
  const host = '127.0.0.1';
  const sockets = (path: string): object[] => [
    ...NAMES.map((name) => ({ name, port: 0, host })),
    { name: 'unix', path },
  ];

  it('keeps all of them in reserve while the new generation bakes', async () => {
    const path = join(temporaryDirectory(), 'web.sock');
    await using service = new Service({ plan: { '*': { sockets: sockets(path) } } });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    await service.saw({ pid: old, step: 'done' });
    expect(service.events.filter(({ warning }) => warning !== undefined)).toEqual([]);
  });

  it('serves all of them again when the new generation dies', async () => {
    const path = join(temporaryDirectory(), 'web.sock');
    await using service = new Service({
      plan: {
        '*': { sockets: sockets(path), setup: { bakeMs: 10_000 } },
        2: { fault: 'bake', how: 'kill', afterMs: 300 },
      },
    });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    await service.saw({ pid: old, step: 'rolled-back' });
    expect(service.events.filter(({ warning }) => warning !== undefined)).toEqual([]);
    for (const name of [...NAMES, 'unix'])
      expect(await ask(await service.address(name))).toBe(`1:${old}`);
  });
});

function listening(): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
