import type { Pool } from 'mysql2/promise';
import { createMysql2Drain } from '../../src/mysql2';
import { describeMariadb } from './describe-mariadb';
import type { TestMariadb } from './test-mariadb';

const STOPS = 25;
const JOBS = 40;
const SEED = Number(process.env.LASTCALL_TEST_SEED ?? Date.now() % 1_000_000);

/** Numbers that look random, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A job writes its number once. It resolves only when the server has said that it did. */
type Job = (pool: Pool, id: number, seconds: number) => Promise<unknown>;

const insert = 'insert into work select ? from (select sleep(?)) s';
const JOB_KINDS: Job[] = [
  (pool, id, seconds) => pool.query(insert, [id, seconds]),
  (pool, id, seconds) => pool.execute(insert, [id, seconds]),
  inTransaction,
  async (pool, id, seconds) => {
    const connection = await pool.getConnection();
    try {
      await connection.query('select sleep(?)', [seconds]);
      await connection.query('insert into work values (?)', [id]);
    } finally {
      connection.release();
    }
  },
];

async function inTransaction(pool: Pool, id: number, seconds: number): Promise<void> {
  const connection = await pool.getConnection();
  try {
    await connection.beginTransaction();
    await connection.query(insert, [id, seconds]);
    await connection.commit();
  } catch (error) {
    await connection.rollback();
    throw error;
  } finally {
    connection.release();
  }
}

/** Longer than all other jobs, the hammer and its grace together. */
const HELD_SECONDS = 60;

/**
 * Stops a pool while jobs run.
 *
 * @param isHeld - Before the others one job is done, and one runs at the server that nothing but the hammer ends: on a machine
 * that is slow enough, chance alone would leave out the one or the other.
 * @returns the numbers of those that were told they are done, and what the drain says.
 */
async function stopUnderJobs(
  mariadb: TestMariadb,
  random: () => number,
  round: number,
  isHeld: boolean,
) {
  const pool = mariadb.pool({ connectionLimit: 8 });
  // Long enough for a machine that does much else.
  const drain = createMysql2Drain(pool, { cancelGraceMs: 10_000 });
  const done: number[] = [];
  const jobs: Promise<void>[] = [];
  const start = (job: Job, seconds: number): Promise<void> => {
    const id = round * JOBS + jobs.length;
    const running = job(pool, id, seconds).then(() => void done.push(id));
    running.catch(() => {});
    jobs.push(running);
    return running;
  };
  if (isHeld) {
    await start(inTransaction, 0);
    void start(inTransaction, HELD_SECONDS);
    await mariadb.running(1);
  }
  while (jobs.length < JOBS)
    void start(
      JOB_KINDS[Math.floor(random() * JOB_KINDS.length)] ?? inTransaction,
      random() * 0.02,
    );
  const settled = Promise.allSettled(jobs);
  await new Promise((resolve) => setTimeout(resolve, random() * 60));
  const signal =
    random() < 0.2 ? AbortSignal.abort() : AbortSignal.timeout(Math.floor(random() * 30));
  const result = await drain.stop({ signal });
  await settled;
  return { done, result };
}

describeMariadb('a job that was told it is done', (mariadb) => {
  it(`is in the table, and no other is, over ${STOPS * JOBS} jobs (seed ${SEED})`, async () => {
    const random = randomFrom(SEED);
    const done: number[] = [];
    const outcomes = new Map<string, number>();
    for (let round = 0; round < STOPS; round++) {
      const isHeld = round % 2 === 1;
      const { done: more, result } = await stopUnderJobs(mariadb(), random, round, isHeld);
      done.push(...more);
      expect(result.errors).toEqual([]);
      for (const { outcome } of result.cut) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect(await mariadb().gone()).toEqual([]);
    const rows = await mariadb().query(`select i from ${mariadb().database}.work order by i`);
    expect(rows.map(({ i }) => i)).toEqual([...done].sort((a, b) => a - b));
    // The stop came at different moments: some jobs were done, some were cut, and it knows of each.
    expect(done.length).toBeGreaterThan(0);
    const some = expect.any(Number);
    expect(Object.fromEntries(outcomes)).toEqual({ cut: some, 'rolled back': some });
  });
});
