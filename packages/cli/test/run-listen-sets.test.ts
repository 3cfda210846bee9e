import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../../tools/eventually';
import { freePort } from '../../restart/test/harness/free-port';
import { logged } from '../../restart/test/harness/logged';
import { ask, send } from '../../restart/test/harness/service';
import { commandRoom } from './harness/command-room';
import { supervisorOf, workersOf } from './harness/run-service';

const room = commandRoom();
const host = '127.0.0.1';

/** Each generation says the name of the socket that it was asked at. */
describe('the sockets of the next release', () => {
  it.each([1, 2])('have other names and addresses, with %d workers', async (workers) => {
    const [first, second] = [await freePort(), await freePort()];
    const moved = [
      { name: 'plain', port: first, host },
      { name: 'web', port: second, host },
    ];
    await using service = room.run({
      options: ['--workers', String(workers)],
      plan: { 1: { sockets: [{ name: 'web', port: first, host }] }, '*': { sockets: moved } },
    });
    const supervisor = String(supervisorOf(service));
    await workersOf(service, 1, workers);
    for (const generation of [2, 3, 4]) {
      const { code, err } = await room.lastcall('reload', supervisor, '--wait-drained');
      expect([code, err]).toEqual([0, expect.stringContaining('has taken over')]);
      for (const port of [first, second])
        expect(await ask(`${host}:${port}`)).toMatch(new RegExp(`^${generation}:`));
    }
  });

  it('are the only ones that are held, also where it came with a crash', async () => {
    const [first, second] = [await freePort(), await freePort()];
    const planFile = join(room.folder, 'plan.json');
    const release = (port: number): void =>
      writeFileSync(planFile, JSON.stringify({ '*': { sockets: [{ name: 'web', port, host }] } }));
    const program = join(room.folder, 'node');
    const script = `PLAN=$(cat ${planFile}) exec ${process.execPath} "$@"`;
    writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    release(first);
    await using service = room.run({ program });
    const old = await service.ready(1);
    release(second);
    send(old, 'SIGKILL');
    await service.when('the next one', () =>
      service.events.find(({ pid, ready }) => pid !== old && ready),
    );
    expect(await ask(`${host}:${second}`)).toMatch(/^1:/);
    await logged(service, 'serves again');
    const answer = (): Promise<string> => ask(`${host}:${first}`).catch(({ code }) => code);
    // The log comes first.
    await eventually(answer, (code) => code === 'ECONNREFUSED');
  });
});
