import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '@lastcall/proc';
import { createTestLifecycle, type TestLifecycle } from '@lastcall/proc/testing';
import { attachPg } from '../../src/pg';
import { describePostgres } from './describe-postgres';

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

/** Value by name, less its prefix, and state. */
function lifecycleGauges({ lifecycle }: TestLifecycle): Record<string, number> {
  return Object.fromEntries(
    lifecycle.gauges
      .list()
      .map(({ name, labels, value }) => [
        [name.replace('lastcall_pool_', ''), labels?.state].join(' ').trim(),
        value,
      ]),
  );
}

describePostgres('attachPg()', (postgres) => {
  it('is open until its stage comes, and reports what it drained and cut', async () => {
    const test = createTestLifecycle({ wrapUpTimeMs: 10, hammerTimeMs: 300, waitTimeMs: 10_000 });
    const pool = postgres().pool();
    attachPg(pool, { name: 'orders', lifecycle: test.lifecycle });
    test.lifecycle.onShutdown(() => pool.query('select 1'), { name: 'web', stage: 'intake' });
    const slow = pool.query('select pg_sleep(0.1)');
    const leaked = await pool.connect();
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
    const pool = postgres().pool({ max: 1 });
    attachPg(pool, { name: 'orders', lifecycle: test.lifecycle });
    const client = await pool.connect();
    const queued = pool.query(postgres().insert());
    test.lifecycle.onShutdown(
      async () => {
        const closed = pool.end();
        await client.query(postgres().insert());
        client.release();
        await Promise.all([queued, closed]);
      },
      { name: 'jobs', stage: 'work' },
    );
    const { listeners } = await stop(test);
    expect(listeners).toMatchObject([
      { name: 'jobs', outcome: 'ok' },
      { name: 'orders', outcome: 'ok', drained: 2, cut: [] },
    ]);
    expect(await postgres().rows()).toBe(2);
  });

  it('reports what is lost from the begin of the stop on, before its stage comes', async () => {
    const test = createTestLifecycle({ wrapUpTimeMs: 10, hammerTimeMs: 9000, waitTimeMs: 10_000 });
    const pool = postgres().pool();
    attachPg(pool, { name: 'orders', lifecycle: test.lifecycle });
    async function loseOne(): Promise<void> {
      const client = await pool.connect();
      await client.query('begin');
      const ended = new Promise<void>((resolve) => client.once('end', resolve));
      await postgres().terminate();
      await ended;
      client.release();
    }
    await loseOne();
    test.lifecycle.onShutdown(loseOne, { name: 'web', stage: 'intake' });
    const { listeners } = await stop(test);
    expect(listeners).toMatchObject([
      { name: 'web', outcome: 'ok' },
      {
        name: 'orders',
        outcome: 'cut',
        drained: 0,
        cut: [{ outcome: 'rolled back', state: 'in transaction' }],
      },
    ]);
  });

  it('reports what runs on at the server when the driver gives it up, before its stage comes', async () => {
    const test = createTestLifecycle({ wrapUpTimeMs: 10, hammerTimeMs: 9000, waitTimeMs: 10_000 });
    const pool = postgres().pool({ query_timeout: 100 });
    attachPg(pool, { name: 'orders', lifecycle: test.lifecycle });
    const giveUp = (): Promise<unknown> =>
      expect(pool.query(postgres().insert(0.5))).rejects.toThrow('Query read timeout');
    test.lifecycle.onShutdown(giveUp, { name: 'web', stage: 'intake' });
    const { listeners } = await stop(test);
    expect(listeners[1]).toMatchObject({
      name: 'orders',
      outcome: 'cut',
      cut: [{ outcome: 'outcome unknown', state: 'running' }],
    });
    await postgres().running(0);
  });

  it('calls the pool by its name in what it says of it', async () => {
    const test = createTestLifecycle();
    const pool = postgres().pool();
    attachPg(pool, { name: 'orders', lifecycle: test.lifecycle, leakMs: 10 });
    const warned = new Promise((resolve) => test.lifecycle.events.once('warning', resolve));
    const client = await pool.connect();
    expect(await warned).toMatchObject({
      error: { message: expect.stringMatching(/^a connection of the pg pool 'orders' has been/) },
    });
    client.release();
    await stop(test);
    await expect(pool.query('select 1')).rejects.toThrow(/^the pg pool 'orders' takes no new work/);
  });

  it('tells apart in what it says pools that were given no names, or the same', async () => {
    const test = createTestLifecycle();
    const pools = [undefined, undefined, 'orders', 'orders'].map((name) => {
      const pool = postgres().pool();
      attachPg(pool, { name, lifecycle: test.lifecycle });
      return pool;
    });
    await stop(test);
    const refused = pools.map((pool) => pool.query('select 1').catch(({ message }) => message));
    expect(await Promise.all(refused)).toEqual(
      ['the pg pool takes', "the pg pool 'pg#2' takes", "the pg pool 'orders' takes"]
        .concat("the pg pool 'orders#2' takes")
        .map((begin) => expect.stringMatching(`^${begin} no new work`)),
    );
  });

  it('leaves no name and no listener behind when it is refused', () => {
    const { lifecycle } = createTestLifecycle();
    expect(() => attachPg({} as never, { lifecycle })).toThrow(/a Pool of pg/);
    expect(lifecycle.status().listeners).toEqual([]);
    expect(attachPg(postgres().pool(), { lifecycle }).name).toBe('pg');
  });

  it('does not ask for acquire sites that it was told to note, of what is older than the attachment', async () => {
    const test = createTestLifecycle();
    const pool = postgres().pool({ max: 1 });
    const client = await pool.connect();
    const warned = new Promise<{ error: Error }>((resolve) =>
      test.lifecycle.events.once('warning', resolve as never),
    );
    const handle = attachPg(pool, {
      lifecycle: test.lifecycle,
      leakMs: 10,
      acquireSites: true,
    });
    const { message } = (await warned).error;
    client.release();
    handle.detach();
    expect(message).toMatch(
      /has been held for at least \d+ ms, longer than leakMs of 10; it was acquired before the pool was attached$/,
    );
  });

  it('tells of checkouts, waiting acquires and leaks while the process runs', async () => {
    const test = createTestLifecycle();
    const pool = postgres().pool({ max: 1 });
    const handle = attachPg(pool, {
      lifecycle: test.lifecycle,
      leakMs: 10,
      acquireSites: true,
      showSql: true,
    });
    const warned = new Promise((resolve) => test.lifecycle.events.once('warning', resolve));
    const client = await pool.connect();
    const waiting = pool.query('select 1');
    expect(await warned).toMatchObject({
      error: {
        code: 'LASTCALL_DB_LEAK',
        message: expect.stringMatching(
          /^a connection of the pg pool has been .*acquired at .*attach-pg\.test\.ts:\d+:\d+$/,
        ),
      },
    });
    expect(test.lifecycle.activities.list()).toMatchObject({
      counts: { 'pg checkout': 1, 'pg waiting': 1 },
      activities: expect.arrayContaining([
        expect.objectContaining({
          kind: 'pg checkout',
          owner: 'pg',
          state: 'idle',
          name: expect.stringMatching(/attach-pg\.test\.ts:\d+:\d+$/),
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
    const numbers = lifecycleGauges(test);
    expect(numbers).toMatchObject({ 'connections busy': 1, in_use: 1, waiting: 1, leaked: 1 });
    client.release();
    await waiting;
    expect(test.lifecycle.activities.list().counts).toEqual({});
    handle.detach();
  });

  it('refuses what it cannot mean, and leaves the pool as it was', () => {
    const pool = postgres().pool();
    const { lifecycle } = createTestLifecycle();
    expect(() => attachPg(pool, { lifecycle, stage: 'soon' as never })).toThrow(/'stage'/);
    expect(() => attachPg(pool, { lifecycle, retries: 3 } as never)).toThrow(
      /attachPg\(\) has no option 'retries'; allowed: stage, lifecycle, name, acquire, cancelGraceMs, leakMs, acquireSites, showSql$/,
    );
    for (const bad of [null, {}, { onShutdown() {} }]) {
      expect(() => attachPg(pool, { lifecycle: bad as never })).toThrow(
        expect.objectContaining({
          code: 'LASTCALL_BAD_OPTION',
          message: expect.stringMatching(/^option 'lifecycle' of attachPg\(\) must be/),
        }),
      );
    }
    attachPg(pool, { lifecycle }).detach();
  });
});
