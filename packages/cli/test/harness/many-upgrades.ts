// Upgrades under load, many of them: `node -r ts-node/register/transpile-only many-upgrades.ts '{"topology": …}'`, from the root of
// the repository. Prints what the clients counted, as JSON, as its last line. The bench runs it; load.test.ts and run.test.ts are the
// short versions.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What is to be done. */
export interface ManyUpgrades {
  /** Each process starts its successor, or `lastcall run` does. */
  readonly topology: 'chain' | 'supervised';
  readonly upgrades: number;
  /** There are more upgrades until there were so many requests. Default 0. */
  readonly requests?: number;
  /** Clients of each kind. */
  readonly clients: number;
  /** `by-hand`: the program drains with `server.close()` alone. */
  readonly drain: 'lastcall' | 'by-hand';
}

// The harness cleans up after tests of jest; here there is no jest.
Object.assign(globalThis, { afterAll: () => {} });

async function main({
  topology,
  upgrades,
  requests = 0,
  clients,
  drain,
}: ManyUpgrades): Promise<void> {
  const { Service, send } =
    require('../../../restart/test/harness/service') as typeof import('../../../restart/test/harness/service');
  const { Load } =
    require('../../../restart/test/harness/upgrade-under-load') as typeof import('../../../restart/test/harness/upgrade-under-load');
  const folder = mkdtempSync(join(tmpdir(), 'lastcall-upgrades-'));
  const lastcall = join(__dirname, '..', '..', 'bin', 'lastcall.js');
  const under =
    topology === 'chain' ? [] : [process.execPath, lastcall, 'run', '--bake', '150ms', '--'];
  const service = new Service({
    fixture: 'load-service.cjs',
    under,
    deadlineMs: upgrades * 10_000 + requests * 10 + 60_000,
    env: {
      DRAIN: drain,
      SOCKET_PATH: join(folder, 'service.sock'),
      LASTCALL_CONTROL_DIR: join(folder, 'control'),
    },
  });
  try {
    await service.ready(1);
    const load = await Load.start(service, clients);
    const startedAt = performance.now();
    let generation = 1;
    for (; generation <= upgrades || load.sent < requests; generation++) {
      const pid = await service.ready(generation);
      send(pid, 'SIGHUP');
      await service.saw({ pid, step: 'done' });
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const result = await load.finish();
    // A generation that had to cut something says what: that is where failures come from.
    const notOk = service.events.filter(({ report, ok }) => report !== undefined && ok === false);
    const warnings = service.events.filter(({ warning }) => warning !== undefined);
    process.stdout.write(
      `${JSON.stringify({ ...result, upgrades: generation - 1, seconds, notOk, warnings })}\n`,
    );
  } finally {
    await service[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

void main(JSON.parse(process.argv[2] ?? '{}') as ManyUpgrades);
