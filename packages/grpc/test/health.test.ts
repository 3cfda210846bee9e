import {
  type ClientReadableStream,
  credentials,
  makeGenericClientConstructor,
  status,
} from '@grpc/grpc-js';
import { HealthImplementation, service } from 'grpc-health-check';
import { within } from '../../http/test/harness/deadline';
import { disposeServers, ended, TestServer, unary } from './harness/test-server';

afterEach(disposeServers);

const HealthClient = makeGenericClientConstructor(service as never, 'Health');

interface Check {
  check(
    request: { service: string },
    callback: (error: Error | null, reply?: { status: string }) => void,
  ): void;
  watch(request: { service: string }): ClientReadableStream<{ status: string }>;
  close(): void;
}

async function startWithHealth() {
  const health = new HealthImplementation({ '': 'SERVING', 'test.Calls': 'SERVING' });
  const test = await TestServer.start({ health, prepare: (server) => health.addToServer(server) });
  const client = new HealthClient(
    `127.0.0.1:${test.port}`,
    credentials.createInsecure(),
  ) as unknown as Check;
  const check = (name: string): Promise<string | undefined> =>
    within(
      'the answer of Check',
      new Promise((resolve, reject) =>
        client.check({ service: name }, (error, reply) =>
          error === null ? resolve(reply?.status) : reject(error),
        ),
      ),
    );
  return { health, test, client, check };
}

describe('health', () => {
  it('turns every service NOT_SERVING at wrap-up, while calls are served', async () => {
    const { test, client, check } = await startWithHealth();
    expect([await check(''), await check('test.Calls')]).toEqual(['SERVING', 'SERVING']);
    test.drain.wrapUp();
    test.drain.wrapUp();
    expect([await check(''), await check('test.Calls')]).toEqual(['NOT_SERVING', 'NOT_SERVING']);
    expect(await unary(test.client(), 'now')).toMatchObject({ code: status.OK });
    client.close();
  });

  it('tells watchers, and ends Watch with UNAVAILABLE as soon as the stop begins', async () => {
    const { test, client } = await startWithHealth();
    const watch = client.watch({ service: 'test.Calls' });
    const seen: string[] = [];
    watch.on('data', (reply: { status: string }) => seen.push(reply.status));
    const end = ended(watch);
    await within('the first status', new Promise((done) => watch.once('data', done)));
    test.drain.wrapUp();
    expect(await test.stop()).toEqual({ drained: 0, ended: 1, cut: [], errors: [] });
    expect(await end).toMatchObject({ code: status.UNAVAILABLE });
    expect(seen).toEqual(['SERVING', 'NOT_SERVING']);
    client.close();
  });

  it('stays NOT_SERVING whatever the application sets, until it is detached', async () => {
    const { health, test, client, check } = await startWithHealth();
    test.drain.wrapUp();
    health.setStatus('test.Calls', 'SERVING');
    health.setStatus('late', 'SERVING');
    expect([await check('test.Calls'), await check('late')]).toEqual([
      'NOT_SERVING',
      'NOT_SERVING',
    ]);
    test.drain.detach();
    health.setStatus('test.Calls', 'SERVING');
    expect(await check('test.Calls')).toBe('SERVING');
    expect(Object.hasOwn(health, 'setStatus')).toBe(false);
    client.close();
    test.server.forceShutdown();
  });
});
