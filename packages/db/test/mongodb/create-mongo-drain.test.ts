import { randomUUID } from 'node:crypto';
import { MongoClient, type MongoClientOptions } from 'mongodb';
import { MongoClient as MongoClient70 } from 'mongodb-7.0';
import { createMongoDrain } from '../../src/mongodb';
import { OwnMongod } from './own-mongod';

const never = (): AbortSignal => new AbortController().signal;
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: { code?: unknown; message: string }) => error.code ?? error.message,
  );

describe.each([
  ['the mongodb of today', MongoClient],
  ['mongodb 7.0.0', MongoClient70 as unknown as typeof MongoClient],
])('createMongoDrain() with %s, and a fake of its server', (_name, Client) => {
  let mongod: OwnMongod;
  let appName: string;
  let clients: MongoClient[] = [];

  const open = (options: MongoClientOptions = {}): MongoClient => {
    const client = new Client(mongod.url, { appName, ...options });
    clients.push(client);
    return client;
  };
  const ordersOf = (client: MongoClient) => client.db().collection<{ n: number }>('orders');

  beforeAll(async () => {
    mongod = await OwnMongod.start();
  });
  afterAll(() => mongod.close());
  beforeEach(async () => {
    appName = `test-${randomUUID()}`;
    await mongod.empty();
  });
  afterEach(async () => {
    for (const client of clients) await client.close();
    clients = [];
    expect(await mongod.gone(appName)).toBe(0);
    expect(await mongod.openTransactions()).toBe(0);
  });

  it('is over at once when nothing is in flight, also when it was never connected', async () => {
    for (const connects of [true, false]) {
      const client = open();
      const drain = createMongoDrain(client);
      if (connects) await ordersOf(client).insertOne({ n: 1 });
      expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
      expect(await mongod.gone(appName)).toBe(0);
      expect(await codeOf(client.connect())).toBe('LASTCALL_DB_DRAINING');
      expect(await codeOf(ordersOf(client).insertOne({ n: 2 }))).toBe('LASTCALL_DB_DRAINING');
      await client.close();
    }
    expect(await mongod.orders()).toBe(1);
  });

  it('lets operations, transactions, cursors and the queue finish; refuses what is new; closes', async () => {
    const client = open({ maxPoolSize: 2 });
    const drain = createMongoDrain(client);
    const orders = ordersOf(client);
    await orders.insertMany([{ n: 1 }, { n: 2 }, { n: 3 }]);
    const cursor = orders.find({}, { batchSize: 1 });
    await cursor.next();
    const session = client.startSession();
    session.startTransaction();
    await orders.insertOne({ n: 4 }, { session });
    await mongod.slow('insert', 300, 2);
    const inFlight = [orders.insertOne({ n: 5 }), orders.insertOne({ n: 6 })];
    const queued = [orders.insertOne({ n: 7 }), orders.insertOne({ n: 8 })];
    await mongod.running('insert', 2);
    expect(drain.gauges()).toMatchObject({ inUse: 6, waiting: 2, total: 2, idle: 0, max: 2 });
    expect(drain.inFlight('shop').counts).toEqual({ 'mongodb session': 6 });
    expect(drain.inFlight('shop').activities).toMatchObject([
      { name: 'find', owner: 'shop', state: 'idle' },
      { name: 'insert', state: 'in transaction' },
      { name: 'insert', state: 'running' },
      { name: 'insert', state: 'running' },
      { name: 'insert', state: 'queued' },
      { name: 'insert', state: 'queued' },
    ]);
    const stopped = drain.stop({ signal: never() });
    expect(drain.stop({ signal: never() })).toBe(stopped);
    expect(await codeOf(orders.insertOne({ n: 9 }))).toBe('LASTCALL_DB_DRAINING');
    expect(() => client.startSession()).toThrow(/takes no new work/);
    await Promise.all([...inFlight, ...queued]);
    expect((await cursor.toArray()).map(({ n }) => n)).toEqual([2, 3]);
    await session.commitTransaction();
    // Closed by the application too: it joins.
    const closed = client.close();
    await session.endSession();
    await closed;
    expect(await stopped).toEqual({ drained: 6, cut: [], errors: [] });
    expect(await mongod.orders()).toBe(8);
  });

  it('serves new operations of work in flight where that is asked for', async () => {
    const client = open();
    const drain = createMongoDrain(client, { acquire: 'serve' });
    const orders = ordersOf(client);
    await orders.insertOne({ n: 0 });
    const job = (async () => {
      for (let n = 1; n <= 5; n++) await orders.insertOne({ n });
    })();
    const stopped = drain.stop({ signal: never() });
    await job;
    expect(await stopped).toMatchObject({ drained: 5, cut: [] });
    expect(await codeOf(orders.insertOne({ n: 6 }))).toBe('LASTCALL_DB_DRAINING');
    expect(await mongod.orders()).toBe(6);
  });

  it('serves what waits for the client to connect', async () => {
    const client = open();
    const drain = createMongoDrain(client);
    const work = [1, 2].map((n) => ordersOf(client).insertOne({ n }));
    // The second finds a client that connects, and waits for a server.
    const waiting = { 'mongodb waiting': 1, 'mongodb session': 1 };
    expect(drain.inFlight().counts).toEqual(waiting);
    const stopped = drain.stop({ signal: never() });
    expect(await codeOf(ordersOf(client).insertOne({ n: 3 }))).toBe('LASTCALL_DB_DRAINING');
    await Promise.all(work);
    expect(await stopped).toEqual({ drained: 2, cut: [], errors: [] });
    expect(await mongod.orders()).toBe(2);
  });

  it('ends change streams at once', async () => {
    const client = open();
    const drain = createMongoDrain(client);
    const stream = ordersOf(client).watch();
    const first = stream.next();
    await mongod.running('getMore');
    await ordersOf(client).insertOne({ n: 1 });
    expect(await first).toMatchObject({ operationType: 'insert' });
    const second = codeOf(stream.next());
    await mongod.running('getMore');
    expect(await drain.stop({ signal: never() })).toEqual({ drained: 1, cut: [], errors: [] });
    expect(await second).toBe('LASTCALL_DB_DRAINING');
    expect(await mongod.openCursors()).toBe(0);
  });

  it('ends change streams that nobody listens to for errors without a crash', async () => {
    const client = open();
    const drain = createMongoDrain(client);
    const stream = ordersOf(client).watch();
    const changed = new Promise((resolve) => stream.once('change', resolve));
    stream.on('change', () => {});
    await mongod.running('getMore');
    await ordersOf(client).insertOne({ n: 1 });
    await changed;
    expect(await drain.stop({ signal: never() })).toMatchObject({ cut: [], errors: [] });
    expect(await mongod.openCursors()).toBe(0);
  });

  describe('the hammer', () => {
    it('kills at the server what runs, cuts the queue, and says what became of each', async () => {
      const client = open({ maxPoolSize: 3 });
      const drain = createMongoDrain(client, { acquireSites: true });
      const orders = ordersOf(client);
      await orders.insertOne({ n: 0 });
      const session = client.startSession();
      session.startTransaction();
      await orders.insertOne({ n: 1 }, { session });
      await mongod.slow('insert', 30_000, 2);
      await mongod.slow('find', 30_000);
      const running = [
        orders.insertOne({ n: 2 }, { session }),
        orders.insertOne({ n: 3 }),
        orders.find().toArray(),
      ].map(codeOf);
      await mongod.running('insert', 2);
      await mongod.running('find');
      const queued = codeOf(orders.insertOne({ n: 4 }));
      await mongod.eventually(
        async () => drain.gauges().waiting,
        (waiting) => waiting === 1,
      );
      const stopped = drain.stop({ signal: AbortSignal.abort() });
      expect(await Promise.all(running)).toEqual([11601, 11601, 11601]);
      expect(await queued).toBe('LASTCALL_DB_CUT');
      // The transaction is gone; whoever holds the session hears of it at the next step.
      await session.endSession();
      const { drained, cut, errors } = await stopped;
      const at = expect.stringMatching(/create-mongo-drain\.test\.ts:\d+:\d+$/);
      const found = cut.map(({ command, state, outcome, acquireSite }) => {
        expect(acquireSite).toEqual(at);
        return [command, state, outcome];
      });
      expect(found).toHaveLength(4);
      expect(found).toEqual(
        expect.arrayContaining([
          ['insert', 'running', 'rolled back'],
          ['insert', 'running', 'outcome unknown'],
          ['find', 'running', 'rolled back'],
          ['insert', 'queued', 'cut'],
        ]),
      );
      expect([drained, errors]).toEqual([0, []]);
      expect(await mongod.orders()).toBe(1);
    });

    it('aborts transactions whose session is never ended; a late commit or end does no harm', async () => {
      const client = open();
      const drain = createMongoDrain(client, { cancelGraceMs: 20 });
      const orders = ordersOf(client);
      await orders.insertMany([{ n: 0 }, { n: 1 }]);
      const [held, idle] = [client.startSession(), client.startSession()];
      held.startTransaction();
      await orders.insertOne({ n: 2 }, { session: held });
      const cursor = orders.find({}, { batchSize: 1 });
      await cursor.next();
      const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(drained).toBe(0);
      expect(cut.map(({ state, outcome }) => [state, outcome])).toEqual([
        ['in transaction', 'rolled back'],
        ['idle', 'cut'],
        ['idle', 'cut'],
      ]);
      expect(await codeOf(held.commitTransaction())).not.toBe('done');
      await Promise.all([held.endSession(), idle.endSession()]);
      expect(await mongod.orders()).toBe(2);
      expect(await mongod.openTransactions()).toBe(0);
      expect(await mongod.openCursors()).toBe(0);
    });

    it('lets a transaction finish that is committed within the grace', async () => {
      const client = open();
      const drain = createMongoDrain(client, { cancelGraceMs: 5000 });
      const session = client.startSession();
      session.startTransaction();
      await ordersOf(client).insertOne({ n: 1 }, { session });
      const stopped = drain.stop({ signal: AbortSignal.abort() });
      await session.commitTransaction();
      await session.endSession();
      expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await mongod.orders()).toBe(1);
    });

    it('ends withTransaction(), which does not begin again', async () => {
      const client = open();
      const drain = createMongoDrain(client, { cancelGraceMs: 5000 });
      let attempts = 0;
      await ordersOf(client).insertOne({ n: 0 });
      await mongod.slow('insert', 30_000);
      const work = codeOf(
        client.withSession((session) =>
          session.withTransaction(async () => {
            attempts++;
            await ordersOf(client).insertOne({ n: 1 }, { session });
          }),
        ),
      );
      await mongod.running('insert');
      const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(await work).toBe(11601);
      expect([drained, attempts]).toEqual([0, 1]);
      expect(cut).toMatchObject([{ outcome: 'rolled back', state: 'running', command: 'insert' }]);
      expect(await mongod.orders()).toBe(1);
    });

    it('claims nothing of a commit that it falls into', async () => {
      const client = open();
      const drain = createMongoDrain(client);
      const session = client.startSession();
      session.startTransaction();
      await ordersOf(client).insertOne({ n: 1 }, { session });
      await mongod.slow('commitTransaction', 30_000);
      const commit = codeOf(session.commitTransaction());
      await mongod.running('commitTransaction');
      const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(await commit).not.toBe('done');
      expect(drained).toBe(0);
      expect(cut).toMatchObject([{ outcome: 'outcome unknown', command: 'commitTransaction' }]);
      await session.endSession();
    });
  });

  describe('sessions that had begun before it', () => {
    it('are waited for', async () => {
      const client = open();
      const orders = ordersOf(client);
      await mongod.slow('insert', 300);
      const early = codeOf(orders.insertOne({ n: 1 }));
      await mongod.running('insert');
      const session = client.startSession();
      session.startTransaction();
      await orders.insertOne({ n: 2 }, { session });
      const drain = createMongoDrain(client);
      expect(drain.inFlight().activities).toMatchObject([
        { state: 'unknown', ageAtLeast: true },
        { state: 'unknown', ageAtLeast: true },
      ]);
      const stopped = drain.stop({ signal: never() });
      await session.commitTransaction();
      await session.endSession();
      expect(await early).toBe('done');
      expect(await stopped).toEqual({ drained: 2, cut: [], errors: [] });
      expect(await mongod.orders()).toBe(2);
    });

    it('are killed at the hammer, and nothing is claimed of them', async () => {
      const client = open();
      await mongod.slow('insert', 30_000);
      const early = codeOf(ordersOf(client).insertOne({ n: 1 }));
      await mongod.running('insert');
      const drain = createMongoDrain(client, { cancelGraceMs: 5000 });
      const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(await early).toBe(11601);
      expect(drained).toBe(0);
      expect(cut).toMatchObject([{ outcome: 'outcome unknown', state: 'unknown' }]);
    });
  });

  it('knows a write that the driver has retried', async () => {
    const client = open();
    const drain = createMongoDrain(client);
    await ordersOf(client).insertOne({ n: 0 });
    await mongod.fail('insert', {
      blockConnection: true,
      blockTimeMS: 100,
      closeConnection: true,
      afterwards: true,
    });
    const write = ordersOf(client).insertOne({ n: 1 });
    await mongod.running('insert');
    const stopped = drain.stop({ signal: never() });
    await write;
    expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
    expect(await mongod.orders()).toBe(2);
  });

  it('says that the outcome of a write is unknown whose answer was lost', async () => {
    const client = open({ retryWrites: false });
    const drain = createMongoDrain(client);
    await ordersOf(client).insertOne({ n: 0 });
    await mongod.fail('insert', {
      blockConnection: true,
      blockTimeMS: 100,
      closeConnection: true,
      afterwards: true,
    });
    const write = codeOf(ordersOf(client).insertOne({ n: 1 }));
    await mongod.running('insert');
    const stopped = drain.stop({ signal: never() });
    expect(await write).not.toBe('done');
    expect(await stopped).toMatchObject({
      drained: 0,
      cut: [{ outcome: 'outcome unknown', command: 'insert' }],
    });
    expect(await mongod.orders()).toBe(2);
  });

  it('reports sessions that are held too long, once', async () => {
    const client = open();
    const warnings: string[] = [];
    const leaked = new Promise<void>((resolve) => {
      const drain = createMongoDrain(client, { leakMs: 5, acquireSites: true }, (error) => {
        warnings.push(error.message);
        expect(drain.gauges().leaked).toBe(1);
        resolve();
      });
    });
    const session = client.startSession();
    await leaked;
    expect(warnings).toEqual([
      expect.stringMatching(/^a session of the mongodb pool .*create-mongo-drain\.test\.ts:\d+/),
    ]);
    await session.endSession();
  });

  it('leaves the client as it was when it is detached', async () => {
    const client = open();
    await ordersOf(client).insertOne({ n: 1 });
    const drain = createMongoDrain(client);
    expect(() => createMongoDrain(client)).toThrow(/has a drain already/);
    await ordersOf(client).insertOne({ n: 2 });
    drain.detach();
    const gated = ['startSession', 'connect', 'close'];
    expect(gated.filter((name) => Object.hasOwn(client, name))).toEqual([]);
    await ordersOf(client).insertOne({ n: 3 });
    createMongoDrain(client).detach();
  });

  it('refuses what it cannot drain', async () => {
    const client = open();
    expect(() => createMongoDrain({} as never)).toThrow(/a MongoClient of mongodb 7 or later/);
    expect(() => createMongoDrain(client, { showSql: true } as object)).toThrow(/no option/);
    await client.close();
    expect(() => createMongoDrain(client)).toThrow(/client.close\(\) was called/);
  });
});
