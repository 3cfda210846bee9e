import { createClient } from 'redis';
import { createClient as createClient5 } from 'redis-5';
import { createRedisDrain } from '../../src/redis';
import { describeOwnRedis } from '../own-redis';
import { TcpProxy } from '../tcp-proxy';

/** A command that the server never finishes. */
const ENDLESS = 'while true do end';
const never = (): AbortSignal => new AbortController().signal;
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

describeOwnRedis('the drain of a redis client', (own) => {
  describe.each([
    ['redis 6', createClient],
    ['redis 5', createClient5 as unknown as typeof createClient],
  ])('%s', (_name, create) => {
    type Client = ReturnType<typeof createClient>;

    async function open(url = own().url): Promise<Client> {
      const client = create({ url, socket: { reconnectStrategy: () => 1 } }) as unknown as Client;
      client.on('error', () => {});
      await client.connect();
      return client;
    }

    it('whose server is killed while it drains: ends, and claims nothing of what was sent', async () => {
      const client = await open();
      const drain = createRedisDrain(client);
      const work = codeOf(client.eval(ENDLESS));
      const stopped = drain.stop({ signal: never() });
      own().signal('SIGKILL');
      expect(await stopped).toMatchObject({
        drained: 0,
        cut: [{ outcome: 'outcome unknown', command: 'eval' }],
        errors: [],
      });
      expect(await work).not.toBe('done');
      expect(client.isOpen).toBe(false);
    });

    it('whose server is killed before it drains: what waits for it is cut at the hammer', async () => {
      const client = await open();
      const drain = createRedisDrain(client);
      const work = codeOf(client.eval(ENDLESS));
      const reconnecting = new Promise((resolve) => client.once('reconnecting', resolve));
      own().signal('SIGKILL');
      await reconnecting;
      const queued = codeOf(client.set('b', ''));
      expect(await drain.stop({ signal: AbortSignal.abort() })).toMatchObject({
        drained: 0,
        cut: [{ outcome: 'cut', state: 'queued', command: 'set' }],
      });
      expect(await work).not.toBe('done');
      expect(await queued).not.toBe('done');
      expect(client.isOpen).toBe(false);
    });

    it('whose server is frozen: ends with the hammer, and claims nothing of what was sent', async () => {
      const client = await open();
      const drain = createRedisDrain(client);
      own().signal('SIGSTOP');
      const work = codeOf(client.set('a', ''));
      expect(await drain.stop({ signal: AbortSignal.abort() })).toMatchObject({
        drained: 0,
        cut: [{ outcome: 'outcome unknown', command: 'set' }],
      });
      expect(await work).not.toBe('done');
      expect(client.isOpen).toBe(false);
    });

    it.each<[string, (client: Client) => unknown]>([
      ['', () => {}],
      [
        ", with the application's listeners for errors away",
        (client) => client.removeAllListeners('error'),
      ],
      [', with all listeners, also those for errors away', (client) => client.removeAllListeners()],
    ])(
      'whose connection is reset while it drains%s: what was sent is unknown',
      async (_what, removeListeners) => {
        const proxy = await TcpProxy.to(own().url);
        const client = await open(proxy.via(own().url));
        const drain = createRedisDrain(client);
        const work = codeOf(client.eval(ENDLESS));
        const stopped = drain.stop({ signal: never() });
        removeListeners(client);
        proxy.reset();
        expect(await stopped).toMatchObject({
          drained: 0,
          cut: [{ outcome: 'outcome unknown', command: 'eval' }],
        });
        expect(await work).not.toBe('done');
        expect(client.isOpen).toBe(false);
        proxy.close();
      },
    );
  });
});
