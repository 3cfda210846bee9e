import { once } from 'node:events';
import { createServer } from 'node:net';
import postgres from 'postgres';
import { eventually } from '../../../../tools/eventually';
import { createPostgresDrain } from '../../src/postgres';
import { describeOwn, OwnPostgres } from '../pg/own-postgres';

const INSERT = 'insert into work select 1 from (select pg_sleep(30)) s';
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

describeOwn('the drain of postgres.js', () => {
  it('whose server is killed while it drains: ends, and claims nothing of what ran', async () => {
    const own = await OwnPostgres.start();
    const sql = postgres(own.url, { fetch_types: false, max: 3 });
    const admin = postgres(own.url, { max: 1 });
    const drain = createPostgresDrain(sql);
    await admin.unsafe('create table work (i int)');
    let goOn = (): void => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const late = codeOf(
      sql.begin(async (tx) => {
        await tx.unsafe('insert into work values (1)');
        await held;
        await tx.unsafe('insert into work values (2)');
      }),
    );
    const work = [sql.begin((tx) => tx.unsafe(INSERT)), sql.unsafe(INSERT)].map(codeOf);
    const states = `select state from pg_stat_activity where query = '${INSERT}' or state = 'idle in transaction'`;
    await eventually(
      () => admin.unsafe(states),
      (rows) =>
        rows
          .map(({ state }) => state)
          .sort()
          .join() === 'active,active,idle in transaction',
    );
    await admin.end();
    const stopped = drain.stop({ signal: new AbortController().signal });
    own.signal('SIGKILL');
    const { drained, cut, errors } = await stopped;
    goOn();
    expect([drained, errors]).toEqual([0, []]);
    expect(cut.map(({ state, outcome }) => [state, outcome]).sort()).toEqual([
      ['in transaction', 'rolled back'],
      ['running', 'outcome unknown'],
      ['running', 'rolled back'],
    ]);
    expect(await Promise.all([late, ...work])).not.toContain('done');
    expect(drain.gauges().total).toBe(0);
    await own.close();
  }, 60_000);
});

it('the drain of postgres.js with nobody at its port: work fails as it would without us', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  const sql = postgres({ host: '127.0.0.1', port, database: 'x', user: 'x' });
  const drain = createPostgresDrain(sql);
  const work = [sql`select 1`, sql.begin(() => 1), sql.reserve()].map(codeOf);
  const stopped = drain.stop({ signal: new AbortController().signal });
  expect(await Promise.all(work)).toEqual(work.map(() => 'ECONNREFUSED'));
  const never = { state: 'queued', outcome: 'cut' };
  expect(await stopped).toMatchObject({ drained: 0, cut: [never, never, never], errors: [] });
  expect(drain.gauges().total).toBe(0);
});
