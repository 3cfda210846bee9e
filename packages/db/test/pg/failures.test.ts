import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Pool, PoolClient } from 'pg';
import { freePort } from '../../../restart/test/harness/free-port';
import { createPgDrain } from '../../src/pg';
import { TcpProxy } from '../tcp-proxy';
import { describePostgres } from './describe-postgres';

const never = (): AbortSignal => new AbortController().signal;
const streamOf = (client: unknown): Socket =>
  (client as { connection: { stream: Socket } }).connection.stream;
const codeOf = (error: { code?: string; message: string }): string => error.code ?? error.message;

describePostgres('a pg pool whose server fails', (postgres) => {
  let proxy: TcpProxy;
  let pool: Pool;
  let streams: Socket[];
  beforeEach(async () => {
    proxy = await TcpProxy.to(postgres().url);
    pool = postgres().pool({ connectionString: proxy.via(postgres().url), max: 3 });
    streams = [];
    pool.on('connect', (client) => streams.push(streamOf(client)));
  });
  afterEach(() => proxy.close());

  /** How many sockets of the pool are open, or half-open: each would keep the process alive. */
  function open(): number {
    return streams.filter(({ destroyed }) => !destroyed).length;
  }

  /** A client in a transaction that has inserted a row. */
  async function begin(): Promise<PoolClient> {
    const client = await pool.connect();
    await client.query('begin');
    await client.query(postgres().insert());
    return client;
  }

  it.each([undefined, 'release', 'error'])(
    'goes on with the drain after the application has taken away all listeners (%s)',
    async (event) => {
      const warnings: unknown[] = [];
      const drain = createPgDrain(pool, { cancelGraceMs: 20 }, ({ code }) => warnings.push(code));
      const before = await pool.connect();
      (pool as EventEmitter).removeAllListeners(...(event === undefined ? [] : [event]));
      before.release();
      const client = await begin();
      expect(drain.gauges().inUse).toBe(1);
      client.release();
      expect(drain.gauges().inUse).toBe(0);
      const removed = new Promise((resolve) => pool.once('remove', resolve));
      proxy.reset();
      await removed;
      expect(warnings).toEqual(['LASTCALL_DB_CONNECTION_LOST']);
      const held = await begin();
      const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect({ drained, cut }).toMatchObject({ drained: 0, cut: [{ outcome: 'rolled back' }] });
      held.release();
      drain.detach();
    },
  );

  it('frozen: idle connections are closed without it', async () => {
    const drain = createPgDrain(pool);
    await pool.query('select 1');
    proxy.freeze();
    expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
    expect(open()).toBe(0);
  });

  it('frozen: what ran is unknown, a transaction is rolled back, and nobody waits for ever', async () => {
    const drain = createPgDrain(pool, { cancelGraceMs: 20 });
    const [running, held, waiting] = [
      await begin(),
      await begin(),
      pool.query(postgres().insert(1)),
    ];
    await postgres().running(1);
    const statement = running.query(postgres().insert(1)).catch(codeOf);
    await postgres().running(2);
    const failed = waiting.catch(codeOf);
    proxy.freeze();
    const { drained, cut, errors } = await drain.stop({ signal: AbortSignal.abort() });
    expect(drained).toBe(0);
    expect(cut.map(({ outcome, state }) => [state, outcome]).toSorted()).toEqual([
      ['in transaction', 'rolled back'],
      ['running', 'outcome unknown'],
      ['running', 'rolled back'],
    ]);
    expect([await statement, await failed]).toEqual(['LASTCALL_DB_CUT', 'LASTCALL_DB_CUT']);
    expect(open()).toBe(0);
    running.release();
    held.release();
    expect(errors).toEqual([]);
    // The server runs the statement to its end, and commits it, as nobody could tell it to stop.
    await postgres().running(0);
    proxy.close();
    expect(await postgres().gone()).toEqual([]);
    expect(await postgres().rows()).toBe(1);
  });

  it('frozen: what only connects is cut', async () => {
    proxy.freeze();
    const drain = createPgDrain(pool);
    const connecting = pool.connect().catch(codeOf);
    await proxy.accepted(1);
    streams = (pool as unknown as { _clients: object[] })._clients.map(streamOf);
    expect(open()).toBe(1);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(cut).toEqual([{ outcome: 'cut', state: 'queued', heldMs: expect.any(Number) }]);
    expect(await connecting).toBe('LASTCALL_DB_CUT');
    expect(open()).toBe(0);
  });

  it('slow to connect: the connection is served and waited for', async () => {
    const drain = createPgDrain(pool);
    const connecting = pool.connect();
    const stopped = drain.stop({ signal: never() });
    const client = await connecting;
    await client.query(postgres().insert());
    client.release();
    expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
    expect(await postgres().rows()).toBe(1);
  });

  it('unreachable: the acquire fails as it would without us', async () => {
    const port = await freePort();
    const unreachable = postgres().pool({ connectionString: `postgres://127.0.0.1:${port}/x` });
    const drain = createPgDrain(unreachable);
    const connecting = unreachable.query('select 1').catch(codeOf);
    const { drained, cut, errors } = await drain.stop({ signal: never() });
    expect([drained, errors]).toEqual([0, []]);
    expect(cut).toMatchObject([{ outcome: 'cut', state: 'queued' }]);
    expect(await connecting).toBe('ECONNREFUSED');
  });

  it('reset: what ran is unknown, a transaction rolled back; the drain does not wait for its holder', async () => {
    const drain = createPgDrain(pool);
    const held = await begin();
    const failed = pool.query(postgres().insert(0.3)).catch(codeOf);
    await postgres().running(1);
    const stopped = drain.stop({ signal: never() });
    proxy.reset();
    const { drained, cut } = await stopped;
    expect(drained).toBe(0);
    expect(cut.map(({ outcome, state }) => [state, outcome]).toSorted()).toEqual([
      ['in transaction', 'rolled back'],
      ['running', 'outcome unknown'],
    ]);
    expect(await failed).toBe('ECONNRESET');
    await expect(held.query('commit')).rejects.toThrow();
    held.release();
    expect(await postgres().gone()).toEqual([]);
  });

  it.each(['before the hammer', 'after it'])(
    'reset between a COMMIT and its answer, %s: it is committed, and we say that we do not know',
    async (when) => {
      const drain = createPgDrain(pool, { cancelGraceMs: 10_000 });
      const client = await begin();
      proxy.cutBefore('COMMIT');
      const signal = when === 'after it' ? AbortSignal.abort() : never();
      const stopped = drain.stop({ signal });
      expect(await client.query('commit').catch(codeOf)).toBe('ECONNRESET');
      client.release();
      expect(await stopped).toMatchObject({
        drained: 0,
        cut: [{ outcome: 'outcome unknown', connection: expect.any(Number) }],
      });
      expect(await postgres().rows()).toBe(1);
    },
  );

  it.each([
    ['destroyed by the pool', true, never()],
    ['waited for until the hammer', undefined, AbortSignal.abort()],
  ])(
    'does not answer a COMMIT in time, and its client is released, and %s: we do not know',
    async (_name, error, signal) => {
      const drain = createPgDrain(pool);
      const client = await begin();
      // What query_timeout of pg does: the application hears of a failure, and the statement goes on.
      proxy.freeze();
      const stopped = drain.stop({ signal });
      const commit = client.query('commit').catch(codeOf);
      client.release(error);
      expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'outcome unknown' }] });
      expect(await commit).not.toHaveProperty('command');
      expect(open()).toBe(0);
    },
  );

  it('is dismissed by a pooler in between, which says what a server would say: we do not know', async () => {
    const drain = createPgDrain(pool);
    const failed = pool.query(postgres().insert(0.5)).catch(codeOf);
    await postgres().running(1);
    const stopped = drain.stop({ signal: never() });
    // As pgbouncer does at its query_timeout, and at its transaction_timeout.
    proxy.dismiss(fatal('25P04', 'transaction timeout'));
    expect(await failed).toBe('25P04');
    expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'outcome unknown' }] });
    const rows = await postgres().eventually(
      () => postgres().rows(),
      (count) => count === 1,
    );
    expect(rows).toBe(1);
  });

  it('reset before the stop: nothing is waited for, and nothing is reported that the stop did not do', async () => {
    const drain = createPgDrain(pool);
    const held = await begin();
    const lost = new Promise<void>((resolve) => held.once('end', resolve));
    proxy.reset();
    await lost;
    expect(drain.gauges()).toMatchObject({ inUse: 1 });
    expect(drain.inFlight().activities).toMatchObject([{ state: 'connection lost' }]);
    expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
    held.release();
  });

  it('that ends its sessions has rolled back what ran, in its own words', async () => {
    const drain = createPgDrain(pool);
    const held = await begin();
    const failed = pool.query(postgres().insert(30)).catch(codeOf);
    await postgres().running(1);
    const stopped = drain.stop({ signal: never() });
    await postgres().terminate();
    const { drained, cut } = await stopped;
    expect(drained).toBe(0);
    expect(cut.map(({ outcome }) => outcome)).toEqual(['rolled back', 'rolled back']);
    expect(await failed).toBe('57P01');
    held.release();
    expect(await postgres().rows()).toBe(0);
  });

  it('in the background is a warning where the application does not listen', async () => {
    const warnings: string[] = [];
    createPgDrain(pool, {}, ({ code }) => warnings.push(code));
    await pool.query('select 1');
    const removed = new Promise((resolve) => pool.once('remove', resolve));
    await postgres().terminate();
    await removed;
    expect(warnings).toEqual(['LASTCALL_DB_CONNECTION_LOST']);
    pool.on('error', () => {});
    await pool.query('select 1');
    const removedToo = new Promise((resolve) => pool.once('remove', resolve));
    await postgres().terminate();
    await removedToo;
    expect(warnings).toHaveLength(1);
  });
});

describePostgres('an application that closes its pool itself', (postgres) => {
  it('joins the drain, whenever it does', async () => {
    const pool = postgres().pool({ max: 1 });
    const drain = createPgDrain(pool);
    const jobs = [pool.query(postgres().insert(0.1)), pool.query(postgres().insert())];
    const stopped = drain.stop({ signal: never() });
    const called = new Promise<void>((resolve) => pool.end(resolve));
    await pool.end();
    await called;
    expect(await Promise.all(jobs)).toHaveLength(2);
    expect(await stopped).toMatchObject({ drained: 2, cut: [] });
    await pool.end();
  });

  it('before the stop leaves it nothing to do', async () => {
    const pool = postgres().pool();
    const drain = createPgDrain(pool);
    await pool.query('select 1');
    await pool.end();
    expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
    expect(await postgres().gone()).toEqual([]);
  });
});

/** A port on which nothing listens. */
/** An ErrorResponse with the fields that pgbouncer gives it. */
function fatal(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.from('E\0\0\0\0');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
