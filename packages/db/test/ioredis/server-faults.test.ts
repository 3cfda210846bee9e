import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis-5';
import { eventually } from '../../../../tools/eventually';
import { createIoredisDrain } from '../../src/ioredis';
import { describeOwnRedis } from '../own-redis';

/** A command that the server never finishes. */
const ENDLESS = 'while true do end';
const never = (): AbortSignal => new AbortController().signal;
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

describeOwnRedis('the drain of an ioredis client whose server fails', (own) => {
  describe.each([
    ['ioredis 6', Redis],
    ['ioredis 5', Redis5 as unknown as typeof Redis],
  ])('%s', (_name, Client) => {
    function open(options: object): Redis {
      const client = new Client(own().url, options as never);
      client.on('error', () => {});
      return client;
    }

    it('is killed while it drains: ends with a client that gives up, and claims nothing of what was sent', async () => {
      const client = open({ retryStrategy: () => null });
      const drain = createIoredisDrain(client);
      await client.ping();
      const work = ['a', 'b'].map((key) => codeOf(client.eval(ENDLESS, 1, key)));
      const stopped = drain.stop({ signal: never() });
      own().signal('SIGKILL');
      const { drained, cut } = await stopped;
      expect(drained).toBe(0);
      expect(cut).toMatchObject([{ outcome: 'outcome unknown' }, { outcome: 'outcome unknown' }]);
      expect(await Promise.all(work)).toEqual(work.map(() => 'Connection is closed.'));
      expect(client.status).toBe('end');
    });

    it('is killed while it drains: the hammer ends a client that does not give up', async () => {
      const client = open({ maxRetriesPerRequest: null, retryStrategy: () => 1 });
      const drain = createIoredisDrain(client);
      await client.ping();
      const work = codeOf(client.eval(ENDLESS, 1, 'a'));
      const hammer = new AbortController();
      const stopped = drain.stop({ signal: hammer.signal });
      const reconnecting = new Promise((resolve) => client.once('reconnecting', resolve));
      own().signal('SIGKILL');
      await reconnecting;
      hammer.abort();
      expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'outcome unknown' }] });
      expect(await work).toBe('LASTCALL_DB_CUT');
    });

    it('is killed before it drains: what is sent again is in flight', async () => {
      const client = open({ maxRetriesPerRequest: null, retryStrategy: () => 1 });
      const drain = createIoredisDrain(client);
      await client.ping();
      const work = codeOf(client.eval(ENDLESS, 1, 'a'));
      const reconnecting = new Promise((resolve) => client.once('reconnecting', resolve));
      own().signal('SIGKILL');
      await reconnecting;
      const queued = codeOf(client.set('b', ''));
      const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(drained).toBe(0);
      expect(cut.map(({ command, outcome }) => [command, outcome])).toEqual([
        ['eval', 'outcome unknown'],
        ['set', 'cut'],
      ]);
      expect(await Promise.all([work, queued])).toEqual(['LASTCALL_DB_CUT', 'LASTCALL_DB_CUT']);
    });

    it('is frozen: ends with the hammer, and claims nothing of what was sent', async () => {
      const client = open({});
      const drain = createIoredisDrain(client);
      await client.ping();
      own().signal('SIGSTOP');
      const work = codeOf(client.set('a', ''));
      expect(await drain.stop({ signal: AbortSignal.abort() })).toMatchObject({
        drained: 0,
        cut: [{ outcome: 'outcome unknown', command: 'set' }],
      });
      expect(await work).toBe('LASTCALL_DB_CUT');
      await eventually(
        () => client.status,
        (status) => status === 'end',
      );
    });
  });
});
