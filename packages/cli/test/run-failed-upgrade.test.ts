import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { itWith } from '../../proc/test/harness/needs';
import { logged } from '../../restart/test/harness/logged';
import { NotifySocket } from '../../restart/test/harness/notify-socket';
import { ask, send } from '../../restart/test/harness/service';
import type { Slot } from '../src/supervisor/slot';
import { describeServing } from '../src/supervisor/what-serves';
import { commandRoom } from './harness/command-room';
import { supervisorOf, workersOf } from './harness/run-service';
import { succeeded } from './harness/succeeded';

const room = commandRoom();
const { lastcall, run } = room;

describe('an upgrade that fails at a later worker', () => {
  it('says which generation serves where, and the next one replaces every worker', async () => {
    const mended = join(room.folder, 'mended');
    writeFileSync(mended, '');
    await using service = run({
      options: ['--workers', '2', '--bake', '2'],
      plan: { 2: { fault: 'import', unless: mended }, 3: { fault: 'import', unless: mended } },
    });
    const address = await service.address();
    await workersOf(service, 1, 2);
    const supervisor = String(supervisorOf(service));
    const reload = lastcall('reload', supervisor);
    const second = await service.ready(2);
    rmSync(mended);
    const { code, err } = await reload;
    const what = 'the upgrade failed, worker 0 serves generation 2, worker 1 generation 1: the new';
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining(what) });
    expect(err).toContain('and reload again: that replaces every worker');
    await logged(service, what);
    const status = JSON.parse((await lastcall('status', '--json', supervisor)).out);
    const [zero, one] = status.workers;
    expect([zero.generation, zero.pid, one.generation]).toEqual([2, second, 1]);

    const again = await lastcall('reload', '--json', supervisor);
    expect(again.code).toBe(1);
    expect(JSON.parse(again.out).error).toMatchObject({
      code: 'LASTCALL_UPGRADE_CHILD_ENDED',
      serving: [
        { slot: 0, pid: second, generation: 2 },
        { slot: 1, pid: one.pid, generation: 1 },
      ],
    });

    writeFileSync(mended, '');
    await succeeded(lastcall('reload', supervisor));
    const all = await workersOf(service, 3, 2);
    for (const pid of [second, one.pid]) await service.gone(pid);
    for (let asked = 0; asked < 10; asked += 1)
      expect(all.map((pid) => `3:${pid}`)).toContain(await ask(address));
  });
});

describe('what serves is said by generation', () => {
  const slot = (index: number, generation: number, state: string | null): Slot =>
    ({ index, generation, worker: state === null ? null : { pid: 100 + index, state } }) as Slot;
  const slots = (...all: [number, string | null][]): Slot[] =>
    all.map(([generation, state], index) => slot(index, generation, state));

  it.each([
    ['one worker', slots([1, 'serving']), 'generation 1 serves on'],
    ['all of one generation', slots([3, 'serving'], [3, 'serving']), 'generation 3 serves on'],
    [
      'several of each',
      slots([2, 'serving'], [2, 'serving'], [2, 'serving'], [1, 'serving'], [1, 'serving']),
      'workers 0-2 serve generation 2, workers 3-4 generation 1',
    ],
    [
      'one that has crashed, and one that leaves',
      slots([2, 'serving'], [1, null], [1, 'serving'], [1, 'leaving']),
      'worker 0 serves generation 2, worker 2 generation 1, workers 1 and 3 do not serve',
    ],
    [
      'one that is to come',
      slots([1, 'serving'], [1, 'starting']),
      'worker 0 serves generation 1, worker 1 does not serve',
    ],
    ['places that were never used', slots([1, 'serving'], [0, null]), 'generation 1 serves on'],
    ['nobody', slots([1, null], [1, 'leaving']), null],
  ])('%s', (_what, all, text) => {
    expect(describeServing(all)).toBe(text);
  });
});

itWith(['python3', 'systemd-notify'])(
  'systemd is told in one line why an upgrade failed',
  async () => {
    using systemd = await NotifySocket.open();
    await using service = run({
      plan: { 2: { fault: 'listen', how: 'throw' } },
      env: { NOTIFY_SOCKET: systemd.path },
    });
    await service.ready(1);
    send(supervisorOf(service), 'SIGHUP');
    await systemd.saw(
      'READY=1',
      /^STATUS=upgrade failed: LASTCALL_UPGRADE_CHILD_ENDED: generation 1 serves on: the new worker, process \d+, ended \(exit code 1\) before it was ready/,
    );
  },
);
