import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Balancer, recommendedConfig } from './balancer';
import { expectCleanStops, expectNothingLost } from './expectations';
import type { Instance } from './instance';
import { roll, underLoad } from './roll';
import { rollingTest } from './rolling-test';
import { type Place, withRotation } from './rotation';

const ROUNDS = 10;

describe('a rolling stop behind nginx', () => {
  rollingTest('nginx', 'loses no request', async (program) => {
    const startBalancer = (place: Place): Balancer => startNginx(program, place);
    // nginx looks at each request, so the hold need not cover the interval of a health check.
    const env = (name: string, { folder }: Place): Record<string, string> => ({
      SERVICE_DRAINING_FILE: join(folder, `${name}.draining`),
      LASTCALL_WRAP_UP_TIME_MS: '300',
    });
    await withRotation({ startBalancer, env }, async ({ place, instances, balancer }) => {
      const { load, outcome } = await underLoad(place, instances, () => roll(instances, ROUNDS));
      const ends = [...outcome, ...(await Promise.all(instances.map((one) => one.stop())))];
      expectNothingLost(load, ends);
      expectCleanStops(ends);
      expect(repeatedRequests(place)).toEqual([]);
      expect(balancer.errors).toBe('');
    });
  });

  rollingTest(
    'nginx',
    'loses requests when an instance just exits, which the same clients notice',
    async (program) => {
      const startBalancer = (place: Place): Balancer => startNginx(program, place);
      const env = (): Record<string, string> => ({ SERVICE_DIES_AT_ONCE: '1' });
      await withRotation({ startBalancer, env }, async ({ place, instances }) => {
        const [first] = instances as [Instance, ...Instance[]];
        // nginx hides most of it by asking the other instance: once may not be enough.
        let failed = 0;
        for (let attempt = 0; failed === 0 && attempt < 6; attempt += 1) {
          if (attempt > 0) await first.start();
          const { load } = await underLoad(place, instances, () => first.stopUnreported());
          failed = load.failed;
        }
        expect(failed).toBeGreaterThan(0);
      });
    },
  );
});

function startNginx(program: string, { folder, port, ports: [a, b] }: Place): Balancer {
  const service = recommendedConfig('nginx.conf', {
    'listen 8080': `listen 127.0.0.1:${port}`,
    '127.0.0.1:3001': `127.0.0.1:${a}`,
    '127.0.0.1:3002': `127.0.0.1:${b}`,
    '/run/service': folder,
  });
  const file = join(folder, 'nginx.conf');
  writeFileSync(join(folder, 'service.conf'), service);
  writeFileSync(file, mainConfig(folder));
  return new Balancer(program, ['-e', 'stderr', '-c', file]);
}

/** What a distribution's nginx.conf would say around service.conf, within `folder` and in the foreground. */
function mainConfig(folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join('\n');
  // Workers of a master that runs as root would be 'nobody', who may not look into the folder.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  return `${user}
daemon off;
worker_processes 2;
error_log stderr error;
pid ${join(folder, 'nginx.pid')};
events { worker_connections 1024; }
http {
${temporary}
log_format upstreams '$request_method $uri $status $upstream_addr';
access_log ${accessLog(folder)} upstreams;
include ${join(folder, 'service.conf')};
}
`;
}

function accessLog(folder: string): string {
  return join(folder, 'access.log');
}

/** The requests that nginx sent to more than one instance, or that no instance answered. */
function repeatedRequests({ folder }: Place): string[] {
  const lines = readFileSync(accessLog(folder), 'utf8').trim().split('\n');
  return lines.filter((line) => line.includes(',') || !/ 200 \d/.test(line));
}
