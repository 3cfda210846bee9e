import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '@lastcall/proc';
import { type Program, runProgram } from '../run-program';
import { TcpProxy } from '../tcp-proxy';
import { describeMariadb } from './describe-mariadb';

const TIMES = {
  LASTCALL_WRAP_UP_TIME_MS: '10',
  LASTCALL_HAMMER_TIME_MS: '400',
  LASTCALL_WAIT_TIME_MS: '10000',
};

describeMariadb('a process with a mysql2 pool', (mariadb) => {
  /** Runs `source` with `pool`, in a process that `env` may change. */
  function start(
    source: string,
    env: Record<string, string> = {},
    url: string = mariadb().url,
  ): { program: Program; report: () => Report } {
    const file = join(mkdtempSync(join(tmpdir(), 'lastcall-')), 'report.json');
    const program = runProgram(
      `
      const { createPool } = require('mysql2/promise');
      const { attachMysql2, createMysql2Drain } = require('@lastcall/db/mysql2');
      const pool = createPool(${JSON.stringify(url)});
      const insert = (seconds) => 'insert into work select 1 from (select sleep(' + seconds + ')) s';
      // Without connections nothing else would keep it alive.
      const alive = setInterval(() => {}, 1000);
      ${source}`,
      { ...TIMES, LASTCALL_REPORT: file, ...env },
    );
    return { program, report: () => JSON.parse(readFileSync(file, 'utf8')) as Report };
  }

  it('stops: work finishes, the log says what was drained, and the process ends by the signal', async () => {
    const { program } = start(
      `attachMysql2(pool, { name: 'orders' });
       proc.onWrapUp(() => void pool.query(insert(0.3)).then(() => say('committed')));
       pool.query('select 1').then(() => say('up'));`,
      { LASTCALL_HAMMER_TIME_MS: '8000', LASTCALL_WAIT_TIME_MS: '9000' },
    );
    await program.saw('up');
    program.kill('SIGTERM');
    const { signal, out, err } = await program.ended;
    expect(signal).toBe('SIGTERM');
    expect(out).toContain('committed');
    expect(err).toMatch(/resources orders +ok .* 1 drained, 0 cut\n/);
    expect(await mariadb().rows()).toBe(1);
  });

  it('is cut at the hammer: says what was rolled back, and nothing crashes afterwards', async () => {
    const { program, report } = start(`
      attachMysql2(pool, { name: 'orders' });
      (async () => {
        const connection = await pool.getConnection();
        await connection.beginTransaction();
        await connection.query(insert(0));
        say('up');
        await new Promise((resolve) => proc.onShutdown(resolve, { name: 'late', stage: 'telemetry' }));
        await connection.commit().catch(() => say('commit failed'));
        connection.release();
        say('released');
      })();
      proc.onShutdown(() => new Promise((resolve) => setTimeout(resolve, 200)), { name: 'last', stage: 'telemetry' });`);
    await program.saw('up');
    program.kill('SIGTERM');
    const { signal, out, err } = await program.ended;
    expect({ signal, out, err }).toMatchObject({
      signal: 'SIGTERM',
      out: 'up\ncommit failed\nreleased\n',
      err: expect.stringMatching(/orders +cut .* 0 drained, 1 cut \(1 rolled back\)\n/),
    });
    const orders = report().listeners.find(({ name }) => name === 'orders');
    expect(orders).toMatchObject({
      outcome: 'cut',
      cut: [{ outcome: 'rolled back', state: 'in transaction', heldMs: expect.any(Number) }],
    });
    expect(await mariadb().rows()).toBe(0);
    expect(await mariadb().gone()).toEqual([]);
  });

  it('ends by itself after a drain, though its server is silent and never says goodbye', async () => {
    const proxy = await TcpProxy.to(mariadb().url);
    const { program } = start(
      `
      // Without a lifecycle nobody ends the process but itself.
      const drain = createMysql2Drain(pool, { leakMs: 60_000 });
      process.once('SIGTERM', async () => {
        clearInterval(alive);
        await drain.stop({ signal: new AbortController().signal });
      });
      pool.query('select 1').then(() => say('up'));`,
      {},
      proxy.via(mariadb().url),
    );
    await program.saw('up');
    proxy.freeze();
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ code: 0, err: '' });
    proxy.close();
  });

  it('has the same API by require() and import', async () => {
    const subpaths = ['mysql2', 'knex', 'sequelize', 'typeorm', 'prisma', 'drizzle'];
    const { program } = start(`
      const names = (object) => Object.keys(object).filter((name) => !['default', 'module.exports', '__esModule'].includes(name)).sort().join(' ');
      (async () => {
        for (const subpath of ${JSON.stringify(subpaths)}) {
          const specifier = '@lastcall/db/' + subpath;
          say(names(require(specifier)));
          say(names(await import(specifier)));
        }
        process.exit();
      })();`);
    const { out } = await program.ended;
    const expected = ['Mysql2', 'Knex', 'Sequelize', 'Typeorm', 'Prisma', 'Drizzle'].flatMap(
      (name) => Array(2).fill(`attach${name} create${name}Drain\n`),
    );
    expect(out).toBe(expected.join(''));
  });
});
