import { join } from 'node:path';
import { Service, temporaryDirectory } from './harness/service';
import { Load, upgradeTimes } from './harness/upgrade-under-load';

it('upgrades under load lose no request of any client, and none of them retries', async () => {
  const path = join(temporaryDirectory(), 'service.sock');
  await using service = new Service({
    fixture: 'load-service.cjs',
    env: { SOCKET_PATH: path },
    // Beside other suites the clients alone keep a core busy: five upgrades then take half a minute.
    deadlineMs: 80_000,
  });
  await service.ready(1);
  const load = await Load.start(service, 2);
  try {
    await upgradeTimes(service, 5);
    const { answered, failures, counts } = await load.finish();
    expect(failures).toEqual([]);
    expect(service.events.filter(({ warning }) => warning !== undefined)).toEqual([]);
    expect(answered).toBeGreaterThan(500);
    for (const count of Object.values(counts)) expect(count.answered).toBeGreaterThan(0);
  } finally {
    load.kill();
  }
}, 90_000);
