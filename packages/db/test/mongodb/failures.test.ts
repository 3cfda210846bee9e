import { once } from 'node:events';
import type { Socket } from 'node:net';
import { MongoClient, type MongoClientOptions } from 'mongodb';
import { freePort } from '../../../restart/test/harness/free-port';
import { createMongoDrain } from '../../src/mongodb';
import { TcpProxy } from '../tcp-proxy';
import { OwnMongod } from './own-mongod';

const never = (): AbortSignal => new AbortController().signal;
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: { code?: unknown; message: string }) => error.code ?? error.message,
  );

describe('a client of mongodb whose server (a fake)', () => {
  let mongod: OwnMongod;
  let client: MongoClient | undefined;
  beforeEach(async () => {
    mongod = await OwnMongod.start();
  });
  afterEach(async () => {
    await client?.close();
    await mongod.close();
  });

  function open(url = mongod.url, options: MongoClientOptions = {}): MongoClient {
    client = new MongoClient(url, options);
    return client;
  }
  const ordersOf = (own: MongoClient) => own.db().collection<{ n: number }>('orders');

  /** A transaction that is open, a session that is idle, a write that runs, a read that runs. */
  async function startWork(own: MongoClient) {
    const orders = ordersOf(own);
    const [transaction, idle] = [own.startSession(), own.startSession()];
    transaction.startTransaction();
    await orders.insertOne({ n: 1 }, { session: transaction });
    await mongod.slow('insert', 30_000);
    await mongod.slow('find', 30_000);
    const running = [codeOf(orders.insertOne({ n: 2 })), codeOf(orders.find().toArray())];
    await mongod.running('insert');
    await mongod.running('find');
    return { transaction, idle, running };
  }

  /** Nothing that would keep the process alive. */
  async function expectNoSockets(url = mongod.url): Promise<void> {
    const port = Number(/:(\d+)\//.exec(url)?.[1]);
    await mongod.forget();
    const handles = (process as unknown as { _getActiveHandles(): Socket[] })._getActiveHandles;
    while (handles().some(({ remotePort, destroyed }) => remotePort === port && !destroyed))
      await new Promise((resolve) => setTimeout(resolve, 10));
  }

  it('is frozen and has nothing to do: the stop ends', async () => {
    const own = open();
    const drain = createMongoDrain(own);
    await ordersOf(own).insertOne({ n: 1 });
    mongod.signal('SIGSTOP');
    const { drained, cut } = await drain.stop({ signal: never() });
    expect([drained, cut]).toEqual([0, []]);
    mongod.signal('SIGKILL');
    await expectNoSockets();
  });

  it('is frozen in the middle: ends in time, and claims nothing of the write', async () => {
    const own = open(mongod.url, { maxPoolSize: 2 });
    const drain = createMongoDrain(own, { cancelGraceMs: 20 });
    const { transaction, idle, running } = await startWork(own);
    const queued = codeOf(ordersOf(own).insertOne({ n: 3 }));
    mongod.signal('SIGSTOP');
    const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(drained).toBe(0);
    expect(cut.map(({ state, outcome }) => [state, outcome])).toEqual([
      ['queued', 'cut'],
      ['in transaction', 'rolled back'],
      ['idle', 'cut'],
      ['running', 'outcome unknown'],
      ['running', 'rolled back'],
    ]);
    expect(await Promise.all([...running, queued])).toEqual(Array(3).fill('LASTCALL_DB_CUT'));
    expect(await codeOf(ordersOf(own).insertOne({ n: 4 }))).toBe('LASTCALL_DB_DRAINING');
    expect(await codeOf(transaction.commitTransaction())).not.toBe('done');
    await Promise.all([transaction.endSession(), idle.endSession()]);
    mongod.signal('SIGKILL');
    await expectNoSockets();
  });

  it('is killed while it drains: what waits for it to come back is cut at the hammer', async () => {
    const own = open();
    const drain = createMongoDrain(own, { cancelGraceMs: 20 });
    const { transaction, running } = await startWork(own);
    const hammer = new AbortController();
    const stopped = drain.stop({ signal: hammer.signal });
    const lost = once(own, 'connectionPoolCleared');
    mongod.signal('SIGKILL');
    await lost;
    hammer.abort();
    const { drained, cut } = await stopped;
    expect(drained).toBe(0);
    expect(cut.map(({ command, outcome }) => [command, outcome]).sort()).toEqual([
      [undefined, 'cut'],
      ['find', 'rolled back'],
      ['insert', 'outcome unknown'],
      ['insert', 'rolled back'],
    ]);
    expect(await Promise.all(running)).not.toContain('done');
    expect(await codeOf(transaction.commitTransaction())).not.toBe('done');
    await expectNoSockets();
  });

  it('resets every connection: what the driver does again finishes', async () => {
    const proxy = await TcpProxy.to(mongod.url);
    const own = open(proxy.via(mongod.url));
    const drain = createMongoDrain(own);
    await ordersOf(own).insertOne({ n: 1 });
    await mongod.slow('insert', 300);
    const write = ordersOf(own).insertOne({ n: 2 });
    await mongod.running('insert');
    const stopped = drain.stop({ signal: never() });
    proxy.reset();
    await write;
    expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
    expect(await mongod.orders()).toBe(2);
    proxy.close();
  });

  it('is cut off (nothing passes, nothing closes): every socket is destroyed', async () => {
    const proxy = await TcpProxy.to(mongod.url);
    const own = open(proxy.via(mongod.url));
    const drain = createMongoDrain(own, { cancelGraceMs: 20 });
    await ordersOf(own).insertOne({ n: 1 });
    proxy.freeze();
    const write = codeOf(ordersOf(own).insertOne({ n: 2 }));
    const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(drained).toBe(0);
    expect(cut).toHaveLength(1);
    expect(await write).toBe('LASTCALL_DB_CUT');
    await expectNoSockets(proxy.via(mongod.url));
    proxy.close();
  });

  it('does not answer while the client connects: the hammer ends it', async () => {
    const proxy = await TcpProxy.to(mongod.url);
    proxy.freeze();
    const own = open(proxy.via(mongod.url));
    const drain = createMongoDrain(own);
    const write = codeOf(ordersOf(own).insertOne({ n: 1 }));
    await proxy.accepted(1);
    const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(drained).toBe(0);
    expect(cut).toMatchObject([{ state: 'queued', outcome: 'cut' }]);
    expect(await write).toBe('LASTCALL_DB_CUT');
    await expectNoSockets(proxy.via(mongod.url));
    proxy.close();
  });

  it('is not there: an operation fails as it would without us', async () => {
    const port = await freePort();
    const own = open(`mongodb://127.0.0.1:${port}/test`, { serverSelectionTimeoutMS: 200 });
    const drain = createMongoDrain(own);
    const write = codeOf(ordersOf(own).insertOne({ n: 1 }));
    const { drained, cut, errors } = await drain.stop({ signal: never() });
    expect([drained, errors]).toEqual([0, []]);
    expect(cut).toMatchObject([{ outcome: 'cut', state: 'queued' }]);
    expect(await write).toMatch(/ECONNREFUSED/);
  });
});

/** A port on which nothing listens. */
