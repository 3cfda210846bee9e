import { type Program, runProgram } from '../run-program';
import { OwnMongod } from './own-mongod';

const TIMES = {
  LASTCALL_WRAP_UP_TIME_MS: '10',
  LASTCALL_HAMMER_TIME_MS: '400',
  LASTCALL_WAIT_TIME_MS: '5000',
};

describe('a process with a client of mongodb (and a fake of its server)', () => {
  let mongod: OwnMongod;
  beforeEach(async () => {
    mongod = await OwnMongod.start();
  });
  afterEach(() => mongod.close());

  /** Runs `source` with `client` attached and `orders`, in a process of its own. */
  function start(source: string, env: Record<string, string> = {}, options = '{}'): Program {
    return runProgram(
      `
      const { MongoClient } = require('mongodb');
      const { attachMongo } = require('@lastcall/db/mongodb');
      const client = new MongoClient(${JSON.stringify(mongod.url)}, ${options});
      const handle = attachMongo(client, { name: 'shop' });
      const orders = client.db().collection('orders');
      ${source}`,
      { ...TIMES, ...env },
    );
  }

  it('stops: work finishes, the log says what was drained, and the process ends by the signal', async () => {
    await mongod.slow('insert', 300);
    const program = start(
      `
      proc.onWrapUp(() => void orders.insertOne({ n: 1 }).then(() => say('written')));
      orders.find().toArray().then(() => say('up'));`,
      { LASTCALL_HAMMER_TIME_MS: '8000', LASTCALL_WAIT_TIME_MS: '9000' },
    );
    await program.saw('up');
    program.kill('SIGTERM');
    const { signal, out, err } = await program.ended;
    expect(signal).toBe('SIGTERM');
    expect(out).toContain('written');
    expect(err).toMatch(/resources shop +ok .* 1 drained, 0 cut\n/);
    expect(await mongod.orders()).toBe(1);
  });

  it('is cut at the hammer: says what was rolled back, and nothing crashes afterwards', async () => {
    const program = start(`
      process.on('exit', () => say('exit'));
      (async () => {
        const session = client.startSession();
        session.startTransaction();
        await orders.insertOne({ n: 1 }, { session });
        orders.watch().on('change', () => {});
        say('up');
        await new Promise((resolve) => proc.events.on('listenerEnd', ({ name }) => name === 'shop' && resolve()));
        await session.commitTransaction().catch(() => say('commit failed'));
        await session.endSession();
        say('ended');
      })();
      proc.onShutdown(() => new Promise((resolve) => setTimeout(resolve, 800)), { name: 'last', stage: 'telemetry' });`);
    await program.saw('up');
    program.kill('SIGTERM');
    const { signal, out, err } = await program.ended;
    expect({ signal, out }).toEqual({ signal: 'SIGTERM', out: 'up\ncommit failed\nended\nexit\n' });
    expect(err).toMatch(/shop +cut .* \d drained, 1 cut \(1 rolled back\)\n/);
    expect(await mongod.orders()).toBe(0);
    expect(await mongod.openTransactions()).toBe(0);
  });

  it.each(['SIGSTOP', 'SIGKILL'] as const)(
    'ends by itself after a drain, though its server has got %s',
    async (fault) => {
      const program = start(`
      // Without a lifecycle nobody ends the process but itself.
      handle.detach();
      proc.uninstall();
      const { createMongoDrain } = require('@lastcall/db/mongodb');
      const drain = createMongoDrain(client, { leakMs: 60_000 });
      process.once('SIGTERM', () => {
        orders.insertOne({ n: 2 }).catch(() => {});
        drain.stop({ signal: AbortSignal.timeout(50) }).then(({ drained, cut }) => say(drained + ' ' + cut.length));
      });
      orders.insertOne({ n: 1 }).then(() => say('up'));`);
      await program.saw('up');
      mongod.signal(fault);
      program.kill('SIGTERM');
      expect(await program.ended).toMatchObject({ code: 0, err: '', out: 'up\n0 1\n' });
    },
  );

  describe('with a change stream that nobody listens to for errors', () => {
    const WATCH = `orders.watch().on('change', () => {}); setImmediate(say, 'up');`;
    const onFault = (source: string) => `process.once('SIGWINCH', () => { ${source} });`;
    const ready = `orders.find().toArray().then(() => say('ready'));`;

    it.each([
      [
        'is opened on a server that is frozen, and connects',
        // Nothing else keeps it until then.
        `setInterval(() => {}, 1000); ${onFault(WATCH)} say('ready');`,
        'SIGSTOP',
      ],
      [
        'waits for one to be opened on',
        `${onFault(`orders.find().toArray().catch(() => {}); ${WATCH}`)} ${ready}`,
        'SIGSTOP',
      ],
      [
        'has lost its server, and looks for it',
        `client.once('connectionPoolCleared', () => say('up'));
        client.on('commandStarted', ({ commandName }) => commandName === 'getMore' && say('ready'));
        orders.watch().on('change', () => {});`,
        'SIGKILL',
      ],
      [
        'is opened once the client is closed',
        `${onFault(`say('up')`)} ${ready}
        proc.onShutdown(() => void orders.watch().on('change', () => {}), { name: 'late', stage: 'telemetry' });`,
        'SIGCONT',
      ],
    ] as const)('that %s: the stop does not crash', async (_, source, fault) => {
      const options = '{ maxPoolSize: 1, monitorCommands: true }';
      const program = start(source, {}, options);
      await program.saw('ready');
      mongod.signal(fault);
      program.kill('SIGWINCH');
      await program.saw('up');
      program.kill('SIGTERM');
      const { code, signal, err } = await program.ended;
      expect({ code, signal, err }).toMatchObject({ code: null, signal: 'SIGTERM' });
      expect(err).toMatch(/ends by SIGTERM\n$/);
    });
  });

  it('has the same API by require() and import', async () => {
    const program = start(`
      const names = (object) => Object.keys(object).filter((name) => !['default', 'module.exports', '__esModule'].includes(name)).sort().join(' ');
      import('@lastcall/db/mongodb').then((esm) => {
        say(names(require('@lastcall/db/mongodb')));
        say(names(esm));
        process.exit();
      });`);
    const { out } = await program.ended;
    expect(out).toBe('attachMongo createMongoDrain\nattachMongo createMongoDrain\n');
  });
});
