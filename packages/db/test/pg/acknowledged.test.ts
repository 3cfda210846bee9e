import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import type { Pool, PoolClient } from 'pg';
import { createPgDrain } from '../../src/pg';
import { describePostgres } from './describe-postgres';

const STOPS = 20;
const JOBS_PER_STOP = 50;

interface Job {
  /** `query`: one statement; `transaction`: a row before and a row after a pause of the application's; `callback`: as old code has it. */
  readonly kind: 'query' | 'transaction' | 'callback';
  /** When it begins, and for how long its statement, or its pause, takes. */
  readonly afterMs: number;
  readonly forMs: number;
}

interface Scenario {
  readonly jobs: readonly Job[];
  readonly max: number;
  readonly stopAfterMs: number;
  readonly hammerAfterMs: number;
  readonly acquire: 'serve' | 'refuse';
}

const jobs = fc.array(
  fc.record({
    kind: fc.constantFrom('query' as const, 'transaction' as const, 'callback' as const),
    afterMs: fc.nat(60),
    forMs: fc.nat(60),
  }),
  { minLength: JOBS_PER_STOP, maxLength: JOBS_PER_STOP },
);

const scenarios = fc.record<Scenario>({
  jobs,
  max: fc.integer({ min: 1, max: 8 }),
  stopAfterMs: fc.nat(100),
  hammerAfterMs: fc.nat(150),
  acquire: fc.constantFrom('serve', 'refuse'),
});

describePostgres('1,000 jobs, stopped at random moments', (postgres) => {
  /** What each job inserts is told apart by its number. */
  const insert = (id: number, forMs: number): string =>
    `insert into ${postgres().table} select ${id} from (select pg_sleep(${forMs / 1000})) s`;

  async function inTransaction(pool: Pool, id: number, forMs: number): Promise<void> {
    const client: PoolClient = await pool.connect();
    try {
      await client.query('begin');
      await client.query(insert(id, forMs));
      await delay(forMs / 4);
      await client.query('commit');
    } catch (error) {
      await client.query('rollback').catch(() => {});
      throw error;
    } finally {
      client.release();
    }
  }

  async function run(pool: Pool, { kind, afterMs, forMs }: Job, id: number): Promise<void> {
    await delay(afterMs);
    if (kind === 'transaction') return inTransaction(pool, id, forMs);
    if (kind === 'query') return void (await pool.query(insert(id, forMs)));
    return new Promise((resolve, reject) => {
      pool.query(insert(id, forMs), (error: Error | null) => (error ? reject(error) : resolve()));
    });
  }

  it('are committed when they were acknowledged, and only then', async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        await postgres().empty();
        const pool = postgres().pool({ max: scenario.max });
        // Long enough for a machine that does much else.
        const drain = createPgDrain(pool, { acquire: scenario.acquire, cancelGraceMs: 10_000 });
        const running = scenario.jobs.map((job, id) => run(pool, job, id));
        const settled = Promise.allSettled(running);
        await delay(scenario.stopAfterMs);
        const hammer = AbortSignal.timeout(scenario.hammerAfterMs);
        const { drained, cut, errors } = await drain.stop({ signal: hammer });
        const results = await settled;
        expect(await postgres().gone()).toEqual([]);
        const acknowledged = results.flatMap(({ status }, id) =>
          status === 'fulfilled' ? [id] : [],
        );
        expect(await postgres().numbers()).toEqual(acknowledged);
        // A server that answers leaves nothing in doubt.
        expect(cut.filter(({ outcome }) => outcome === 'outcome unknown')).toEqual([]);
        expect(errors).toEqual([]);
        const failed = results.filter(({ status }) => status === 'rejected').length;
        const refused = results.filter(
          (result) => result.status === 'rejected' && result.reason.code === 'LASTCALL_DB_DRAINING',
        ).length;
        expect(cut).toHaveLength(failed - refused);
        expect(drained).toBeLessThanOrEqual(acknowledged.length);
      }),
      { numRuns: STOPS, endOnFailure: true },
    );
  }, 120_000);
});
