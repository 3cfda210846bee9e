import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Balancer, recommendedConfig } from './balancer';
import { expectCleanStops, expectNothingLost } from './expectations';
import type { Instance } from './instance';
import { roll, underLoad } from './roll';
import { rollingTest } from './rolling-test';
import { type Place, withRotation } from './rotation';

const ROUNDS = 10;

describe('a rolling stop behind HAProxy', () => {
  rollingTest('haproxy', 'loses no request', async (program) => {
    const startBalancer = (place: Place): Balancer => startHaproxy(program, place);
    await withRotation({ startBalancer }, async ({ place, instances }) => {
      const { load, outcome } = await underLoad(place, instances, () => roll(instances, ROUNDS));
      const repeated = await readRepeats(place);
      const ends = [...outcome, ...(await Promise.all(instances.map((one) => one.stop())))];
      expectNothingLost(load, ends);
      expectCleanStops(ends);
      expect(repeated).toEqual({ a: '0 0 0 0', b: '0 0 0 0' });
    });
  });

  rollingTest(
    'haproxy',
    'loses requests when an instance just exits, which the same clients notice',
    async (program) => {
      const startBalancer = (place: Place): Balancer => startHaproxy(program, place);
      const env = (): Record<string, string> => ({ SERVICE_DIES_AT_ONCE: '1' });
      await withRotation({ startBalancer, env }, async ({ place, instances }) => {
        const [first] = instances as [Instance, ...Instance[]];
        const { load } = await underLoad(place, instances, () => first.stopUnreported());
        expect(load.failed).toBeGreaterThan(0);
      });
    },
  );
});

function startHaproxy(program: string, { folder, port, ports: [a, b] }: Place): Balancer {
  const config = recommendedConfig('haproxy.cfg', {
    ':8080': `127.0.0.1:${port}`,
    '127.0.0.1:3001': `127.0.0.1:${a}`,
    '127.0.0.1:3002': `127.0.0.1:${b}`,
  });
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, `global\n  stats socket ${statsSocket(folder)}\n\n${config}`);
  return new Balancer(program, ['-db', '-f', file]);
}

function statsSocket(folder: string): string {
  return join(folder, 'stats.sock');
}

/** HAProxy's own count, per instance, of retries, redispatches, failed connections and failed answers. */
async function readRepeats({ folder }: Place): Promise<Record<string, string>> {
  const socket = connect(statsSocket(folder));
  socket.write('show stat\n');
  const [head = '', ...rows] = (await text(socket)).trim().split('\n');
  const names = head.replace('# ', '').split(',');
  const servers = rows
    .map((row) => Object.fromEntries(row.split(',').map((cell, i) => [names[i], cell])))
    .filter(({ svname }) => svname === 'a' || svname === 'b');
  return Object.fromEntries(
    servers.map(({ svname, wretr, wredis, econ, eresp }) => [
      svname,
      [wretr, wredis, econ, eresp].join(' '),
    ]),
  );
}
