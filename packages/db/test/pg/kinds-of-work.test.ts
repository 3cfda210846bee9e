import { once } from 'node:events';
import type { PoolClient } from 'pg';
import { createPgDrain } from '../../src/pg';
import { describePostgres } from './describe-postgres';

const never = (): AbortSignal => new AbortController().signal;
const codeOf = (error: { code?: string; message: string }): string => error.code ?? error.message;

/** The connection of pg, as packages that bring their own queries use it. */
interface Wire {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
}

/** A `COPY … FROM STDIN` that has sent one row, as `pg-copy-streams` does it, and never ends. */
class EndlessCopy {
  readonly text: string;
  readonly started: Promise<void>;
  readonly failed: Promise<Error>;
  #onStart!: () => void;
  #onError!: (error: Error) => void;

  constructor(text: string) {
    this.text = text;
    this.started = new Promise((resolve) => {
      this.#onStart = resolve;
    });
    this.failed = new Promise((resolve) => {
      this.#onError = resolve;
    });
  }

  submit(connection: Wire): void {
    connection.query(this.text);
  }

  handleCopyInResponse(connection: Wire): void {
    connection.sendCopyFromChunk(Buffer.from('1\n'));
    this.#onStart();
  }

  handleError(error: Error): void {
    this.#onError(error);
  }

  handleCommandComplete(): void {}
  handleReadyForQuery(): void {}
}

describePostgres('work of a pg pool at a stop', (postgres) => {
  it('that is the victim of a deadlock may try again, and finishes', async () => {
    const pool = postgres().pool({ max: 2 });
    const drain = createPgDrain(pool);
    const [one, other] = await Promise.all([pool.connect(), pool.connect()]);
    const lock = (client: PoolClient, number: number) =>
      client.query(`select pg_advisory_xact_lock(hashtext('${postgres().table}'), ${number})`);
    async function insertBehind(number: number, client: PoolClient): Promise<void> {
      await lock(client, number);
      await client.query(postgres().insert());
      await client.query('commit');
      client.release();
    }
    await Promise.all([one.query('begin'), other.query('begin')]);
    await Promise.all([lock(one, 1), lock(other, 2)]);
    const stopped = drain.stop({ signal: never() });
    const victims: string[] = [];
    async function tryTwice(number: number, client: PoolClient): Promise<void> {
      try {
        await insertBehind(number, client);
      } catch (error) {
        victims.push(codeOf(error as Error));
        await client.query('rollback');
        await client.query('begin');
        await insertBehind(number, client);
      }
    }
    await Promise.all([tryTwice(2, one), tryTwice(1, other)]);
    expect(victims).toEqual(['40P01']);
    expect(await stopped).toEqual({ drained: 2, cut: [], errors: [] });
    expect(await postgres().rows()).toBe(2);
  });

  it('that only listens is told of notifications up to the hammer, and cut there', async () => {
    const pool = postgres().pool();
    const drain = createPgDrain(pool);
    const listener = await pool.connect();
    await listener.query(`listen ${postgres().table}`);
    const hammer = new AbortController();
    const stopped = drain.stop({ signal: hammer.signal });
    const notified = once(listener, 'notification');
    await postgres().query(`notify ${postgres().table}`);
    await notified;
    hammer.abort();
    const { cut } = await stopped;
    expect(cut).toMatchObject([{ state: 'idle', outcome: 'cut' }]);
    expect(await postgres().gone()).toEqual([]);
    listener.release();
  });

  it('that copies out is cancelled at the hammer', async () => {
    const pool = postgres().pool();
    const drain = createPgDrain(pool);
    const copying = pool
      .query('copy (select pg_sleep(0.01) from generate_series(1, 100000)) to stdout')
      .catch(codeOf);
    await postgres().running(1);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(await copying).toBe('57014');
    expect(cut).toMatchObject([{ state: 'running', outcome: 'rolled back' }]);
  });

  it.each([
    ['alone', 'outcome unknown'],
    ['in a transaction', 'rolled back'],
  ])('that copies in, %s, is destroyed at the hammer: %s', async (where, outcome) => {
    const pool = postgres().pool();
    const drain = createPgDrain(pool, { cancelGraceMs: 50 });
    const client = await pool.connect();
    if (where === 'in a transaction') await client.query('begin');
    const copy = new EndlessCopy(`copy ${postgres().table} from stdin`);
    client.query(copy as never);
    await copy.started;
    // The server looks for a cancel only with the next row.
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(cut).toMatchObject([{ state: 'running', outcome }]);
    expect(codeOf(await copy.failed)).toBe('LASTCALL_DB_CUT');
    client.release();
    expect(await postgres().gone()).toEqual([]);
    expect(await postgres().rows()).toBe(0);
  });
});
