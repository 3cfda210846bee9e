import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Report } from '@lastcall/proc';
import { createTestLifecycle, type TestLifecycle } from '@lastcall/proc/testing';
import { eventually } from '../../../../tools/eventually';
import { attachMysql2 } from '../../src/mysql2';
import { describeMariadb } from './describe-mariadb';

/** Lets the fake clock go on until the stop is over, while the server works. */
async function stop(test: TestLifecycle): Promise<Report> {
  let report: Report | undefined;
  test.lifecycle.events.once('report', (event) => {
    report = event.report;
  });
  test.kill('SIGTERM');
  while (report === undefined) {
    await test.clock.advance(5);
    await delay(5);
  }
  return report;
}

describeMariadb('attachMysql2()', (mariadb) => {
  it('is open until its stage comes, and reports what it drained and cut', async () => {
    const test = createTestLifecycle({ wrapUpTimeMs: 10, hammerTimeMs: 300, waitTimeMs: 10_000 });
    const pool = mariadb().pool();
    attachMysql2(pool, { name: 'orders', lifecycle: test.lifecycle });
    test.lifecycle.onShutdown(() => pool.query('select 1'), { name: 'web', stage: 'intake' });
    const slow = pool.query('select sleep(0.1)');
    const leaked = await pool.getConnection();
    const { listeners } = await stop(test);
    await slow;
    expect(listeners).toMatchObject([
      { name: 'web', outcome: 'ok' },
      {
        name: 'orders',
        stage: 'resources',
        outcome: 'cut',
        cut: [{ outcome: 'cut', state: 'idle' }],
      },
    ]);
    leaked.release();
  });

  it('drains once the application closes it, also where that is before its stage', async () => {
    const test = createTestLifecycle({ wrapUpTimeMs: 10, hammerTimeMs: 9000, waitTimeMs: 10_000 });
    const pool = mariadb().pool({ connectionLimit: 1 });
    attachMysql2(pool, { name: 'orders', lifecycle: test.lifecycle });
    const connection = await pool.getConnection();
    await connection.beginTransaction();
    const queued = pool.query(mariadb().insert());
    test.lifecycle.onShutdown(
      async () => {
        const closed = pool.end();
        await expect(pool.query('select 1')).rejects.toMatchObject({
          code: 'LASTCALL_DB_DRAINING',
        });
        await connection.query(mariadb().insert());
        await connection.commit();
        connection.release();
        await Promise.all([queued, closed]);
      },
      { name: 'jobs', stage: 'work' },
    );
    const { listeners } = await stop(test);
    expect(listeners).toMatchObject([
      { name: 'jobs', outcome: 'ok' },
      { name: 'orders', outcome: 'ok', drained: 2, cut: [] },
    ]);
    expect(await mariadb().rows()).toBe(2);
  });

  it('cuts at the hammer what a close before its stage waits for', async () => {
    const test = createTestLifecycle({ wrapUpTimeMs: 10, hammerTimeMs: 300, waitTimeMs: 10_000 });
    const pool = mariadb().pool();
    attachMysql2(pool, { name: 'orders', lifecycle: test.lifecycle });
    const connection = await pool.getConnection();
    await connection.beginTransaction();
    await connection.query(mariadb().insert());
    test.lifecycle.onShutdown(() => pool.end(), { name: 'jobs', stage: 'work' });
    const { listeners } = await stop(test);
    expect(listeners).toMatchObject([
      { name: 'jobs', outcome: 'cut' },
      { name: 'orders', outcome: 'cut', drained: 0, cut: [{ outcome: 'rolled back' }] },
    ]);
    expect(await mariadb().rows()).toBe(0);
    connection.release();
  });

  it('tells of checkouts, waiting acquires and leaks while the process runs', async () => {
    const test = createTestLifecycle();
    const pool = mariadb().pool({ connectionLimit: 1 });
    const handle = attachMysql2(pool, {
      lifecycle: test.lifecycle,
      leakMs: 10,
      acquireSites: true,
      showSql: true,
    });
    const warned = new Promise((resolve) => test.lifecycle.events.once('warning', resolve));
    const connection = await pool.getConnection();
    const waiting = pool.query('select 1');
    expect(await warned).toMatchObject({
      error: {
        code: 'LASTCALL_DB_LEAK',
        message: expect.stringMatching(/acquired at .*attach-mysql2\.test\.ts:\d+:\d+$/),
      },
    });
    expect(test.lifecycle.activities.list()).toMatchObject({
      counts: { 'mysql2 checkout': 1, 'mysql2 waiting': 1 },
      activities: expect.arrayContaining([
        expect.objectContaining({
          kind: 'mysql2 checkout',
          owner: 'mysql2',
          state: 'idle',
          name: expect.stringMatching(/attach-mysql2\.test\.ts:\d+:\d+$/),
        }),
      ]),
    });
    expect(handle.gauges()).toEqual({
      total: 1,
      idle: 0,
      max: 1,
      inUse: 1,
      waiting: 1,
      leaked: 1,
    });
    connection.release();
    await waiting;
    expect(test.lifecycle.activities.list().counts).toEqual({});
    handle.detach();
  });

  it('shows statements without their values', async () => {
    const { lifecycle } = createTestLifecycle();
    const pool = mariadb().pool();
    attachMysql2(pool, { lifecycle, showSql: true });
    const work = [pool.query('select sleep(?)', [0.1]), pool.execute('select sleep(?)', [0.1])];
    const names = () => lifecycle.activities.list().activities.map(({ name }) => name);
    const statements = ['select sleep(?)', 'select sleep(?)'];
    // Which are named by their connection before they have one.
    await eventually(names, (all) => isDeepStrictEqual(all.slice(0, 2), statements));
    await Promise.all(work);
  });

  it('refuses what it cannot mean, and leaves the pool as it was', () => {
    const pool = mariadb().pool();
    const { lifecycle } = createTestLifecycle();
    expect(() => attachMysql2(pool, { lifecycle, stage: 'soon' as never })).toThrow(/'stage'/);
    expect(() => attachMysql2(pool, { lifecycle, retries: 3 } as never)).toThrow(
      /attachMysql2\(\) has no option 'retries'/,
    );
    attachMysql2(pool, { lifecycle }).detach();
  });
});
