import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTestLifecycle } from '@lastcall/proc/testing';
import { healthHandler } from '../src';

async function serve(options: Parameters<typeof healthHandler>[0]) {
  const handler = healthHandler(options);
  const server = http.createServer((request, response) => {
    handler(request, response, () => void response.end('the app'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { connection: 'close' },
    });
    return [response.status, await response.text()];
  };
  return { ask, close: () => server.close() };
}

// The readiness cases are counterparts of go-zero's TestCreateHttpHandler.
describe('healthHandler()', () => {
  it('says 503 without a probe, and why, 503 with names while one is not ready, 200 when all are', async () => {
    const { lifecycle } = createTestLifecycle();
    const { ask, close } = await serve({ lifecycle });
    expect(await ask('/readyz')).toEqual([503, 'Service Unavailable\nthere is no probe\n']);
    const web = lifecycle.health.addProbe('web');
    lifecycle.health.addProbe('db').markReady();
    expect(await ask('/readyz')).toEqual([
      503,
      'Service Unavailable\nweb is not ready\ndb is ready\n',
    ]);
    web.markReady();
    expect(await ask('/readyz?verbose')).toEqual([200, 'OK']);
    expect(await ask('/readyz', 'HEAD')).toEqual([200, '']);
    close();
  });

  it('is alive and not ready during a stop', async () => {
    const { lifecycle } = createTestLifecycle();
    lifecycle.health.addProbe('web').markReady();
    const { ask, close } = await serve({ lifecycle });
    void lifecycle.shutdown();
    expect(await ask('/livez')).toEqual([200, 'OK']);
    expect(await ask('/readyz')).toEqual([
      503,
      'Service Unavailable\nthe process is stopping\nweb is ready\n',
    ]);
    close();
  });

  it('passes other paths on, and takes other paths for itself', async () => {
    const { lifecycle } = createTestLifecycle();
    const { ask, close } = await serve({ lifecycle, readyPath: '/healthz' });
    expect(await ask('/')).toEqual([200, 'the app']);
    expect(await ask('/readyz')).toEqual([200, 'the app']);
    expect(await ask('/healthz')).toEqual([503, 'Service Unavailable\nthere is no probe\n']);
    close();
  });

  it('refuses options it does not know', () => {
    expect(() => healthHandler({ path: '/' } as never)).toThrow(
      expect.objectContaining({ code: 'LASTCALL_BAD_OPTION' }),
    );
  });

  it.each([
    ['livePath', 'livez'],
    ['livePath', 5],
    ['readyPath', ''],
    ['readyPath', null],
    ['lifecycle', {}],
    ['lifecycle', null],
  ])('refuses a %s of %j', (option, value) => {
    expect(() => healthHandler({ [option]: value } as never)).toThrow(
      expect.objectContaining({
        code: 'LASTCALL_BAD_OPTION',
        message: expect.stringContaining(`'${option}'`),
      }),
    );
  });
});
