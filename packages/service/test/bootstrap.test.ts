import { createTestLifecycle, type TestLifecycle } from '@lastcall/proc/testing';
import { type App, type BootstrapOptions, bootstrap, type Service } from '../src';
import { blocking, defer, type Log, upAtOnce } from './recording-service';

let test: TestLifecycle;
let log: Log;

const yes = (): true => true;

beforeEach(() => {
  test = createTestLifecycle({}, { isListening: false });
  log = [];
});

function run(services: Service[], options: Partial<BootstrapOptions> = {}): App {
  return bootstrap({ name: 'orders', services, lifecycle: test.lifecycle, ...options });
}

describe('bootstrap()', () => {
  it('starts the services in order and hands out what runs', async () => {
    const app = run([upAtOnce('pool', log), blocking('server', log)]);
    expect(log).toEqual(['pool starts', 'server starts']);
    await app.ready;
    expect(app).toMatchObject({ name: 'orders', lifecycle: test.lifecycle });
    expect(app.group.services).toEqual([
      { name: 'pool', state: 'up' },
      { name: 'server', state: 'up' },
    ]);
  });

  it('applies the settings and the logger before anything starts', () => {
    const logger = jest.fn();
    const settings: unknown[] = [];
    run([{ start: () => void settings.push(test.lifecycle.settings) }], {
      proc: { wrapUpTimeMs: 2000, logger: false },
      logger,
    });
    expect(settings).toMatchObject([{ wrapUpTimeMs: 2000, waitTimeMs: 5500, logger }]);
  });

  it('stops everything at a signal, in reverse, and tells the report before the end', async () => {
    const app = run([upAtOnce('pool', log), blocking('server', log)]);
    await app.ready;
    log.length = 0;
    test.kill('SIGTERM');
    await test.clock.advance(0);
    expect(log).toEqual(['server stops', 'server returns', 'pool stops', 'pool stopped']);
    expect(await app.stopped).toMatchObject({ signal: 'SIGTERM', ok: true });
    expect((await app.stopped).listeners).toMatchObject([{ name: 'orders', stage: 'work' }]);
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
  });

  it('takes a signal from the first start on, and stops what has started', async () => {
    const signalHandled: boolean[] = [];
    const app = run([
      {
        start: () => void signalHandled.push(test.environment.signalHandlerCount('SIGTERM') > 0),
        stop: () => void log.push('pool stops'),
      },
      { start: ({ signal }) => new Promise<void>((end) => (signal.onabort = () => end())) },
    ]);
    expect(signalHandled).toEqual([true]);
    test.kill('SIGTERM');
    await test.clock.advance(0);
    expect(log).toEqual(['pool stops']);
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
    // The process ends by the signal: nobody is to make an error of that.
    const hasSettled = await Promise.race([app.ready.then(yes, yes), test.clock.advance(1000)]);
    expect(hasSettled).not.toBe(true);
  });

  it('is not ready, where the process lives on, when the stop begins during the start', async () => {
    const app = bootstrap({
      name: 'orders',
      services: [{ start: () => new Promise(() => {}), stop: () => void log.push('stops') }],
      proc: { exit: 'none' },
      lifecycle: test.lifecycle,
    });
    const stopped = app.stop();
    await test.clock.advance(10_000);
    await stopped;
    await expect(app.ready).rejects.toMatchObject({ code: 'LASTCALL_STOPPING' });
    expect(log).toEqual(['stops']);
  });

  it('starts nothing in a process that is stopping', async () => {
    const stopped = test.lifecycle.shutdown('before');
    const app = run([upAtOnce('pool', log)]);
    await test.clock.advance(0);
    expect(log).toEqual([]);
    expect(await app.stopped).toBe(await stopped);
  });

  it('stops by hand as by a signal', async () => {
    const app = run([upAtOnce('pool', log)]);
    const report = app.stop('deploy');
    await test.clock.advance(0);
    expect(await report).toMatchObject({ reason: 'deploy', ok: true });
    expect(await app.stopped).toBe(await report);
    expect(test.end).toEqual({ signal: null, code: 0 });
  });
});

describe('readiness', () => {
  it('comes when every start has returned or has called ready(), and ends with the stop', async () => {
    const { health } = test.lifecycle;
    const connected = defer();
    const listening = defer();
    const closed = defer();
    const app = run([
      { name: 'pool', start: () => connected.promise },
      {
        name: 'server',
        start: async ({ ready }) => {
          await listening.promise;
          ready();
          await closed.promise;
        },
        stop: closed.resolve,
      },
    ]);
    expect(health.check()).toMatchObject({ probes: [{ name: 'orders', ready: false }] });
    connected.resolve();
    await test.clock.advance(0);
    expect(health.isReady()).toBe(false);
    listening.resolve();
    await app.ready;
    expect(health.isReady()).toBe(true);
    test.kill('SIGTERM');
    expect(health.isReady()).toBe(false);
    await test.clock.advance(0);
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
  });

  it('does not come when a service fails, which is told once the others have stopped', async () => {
    const app = run([
      { name: 'pool', start: () => {}, stop: () => void log.push('pool stops') },
      { name: 'db', start: () => Promise.reject(new Error('refused')) },
    ]);
    const refused = expect(app.ready.finally(() => log.push('not ready'))).rejects.toMatchObject({
      code: 'LASTCALL_SERVICE_FAILED',
    });
    await test.clock.advance(0);
    await refused;
    expect(log).toEqual(['pool stops', 'not ready']);
    expect(test.lifecycle.health.check()).toMatchObject({
      ready: false,
      probes: [{ name: 'orders', ready: false }],
    });
  });
});

describe('a service that fails', () => {
  it('at its start stops the process with exit code 1, and the logger says why', async () => {
    const lines: string[] = [];
    const write = (_event: object, line: string): void => void lines.push(line);
    const app = run(
      [upAtOnce('pool', log), { name: 'db', start: () => Promise.reject(new Error('refused')) }],
      { logger: { info: write, warn: write, error: write } },
    );
    await test.clock.advance(0);
    expect(log).toEqual(['pool starts', 'pool stops', 'pool stopped']);
    expect(await app.stopped).toMatchObject({ reason: 'service db failed', ok: false });
    expect(test.end).toEqual({ signal: null, code: 1 });
    // The cause comes before the stop, whose hold may be long.
    expect(lines.join('\n')).toMatch(
      /service 'db' failed to start: refused[\s\S]*stopping \(service db failed\)/,
    );
  });

  it('later stops the process in order: servers drain first', async () => {
    const running = defer();
    const app = run([
      upAtOnce('pool', log),
      {
        name: 'consumer',
        start: ({ ready }) => {
          ready();
          return running.promise;
        },
      },
    ]);
    test.lifecycle.onShutdown(() => void log.push('server drained'), { stage: 'intake' });
    await app.ready;
    running.reject(new Error('connection lost'));
    await test.clock.advance(0);
    expect(log).toEqual(['pool starts', 'server drained', 'pool stops', 'pool stopped']);
    expect((await app.stopped).listeners[1]?.error?.message).toBe(
      "service 'consumer' failed: connection lost",
    );
    expect(test.end).toEqual({ signal: null, code: 1 });
  });

  it('to stop is reported too', async () => {
    const app = run([{ name: 'db', stop: () => Promise.reject(new Error('busy')) }]);
    await app.ready;
    void app.stop();
    await test.clock.advance(0);
    expect(test.end).toEqual({ signal: null, code: 1 });
  });
});

describe('bad options', () => {
  const bad = 'LASTCALL_BAD_OPTION';
  it.each<[object | undefined, string]>([
    [undefined, bad],
    [{}, bad],
    [{ name: '' }, bad],
    [{ name: 'a', service: [] }, bad],
    [{ name: 'a', services: 'b' }, bad],
    [{ name: 'a', services: [{}] }, bad],
    [{ name: 'a', lifecycle: 1 }, bad],
    [{ name: 'a', lifecycle: null }, bad],
    [{ name: 'a', proc: [] }, bad],
    [{ name: 'a', devserver: 6060 }, bad],
    [{ name: 'a', devserver: [] }, bad],
    [{ name: 'a', devserver: { port: 'x' } }, bad],
    [{ name: 'a', devserver: { ports: 1 } }, bad],
    [{ name: 'a', proc: 5 }, bad],
    [{ name: 'a', proc: { wrapUp: 5 } }, bad],
    [{ name: 'a', proc: { wrapUpTimeMs: 9000 } }, 'LASTCALL_BAD_TIMES'],
    [{ name: 'a', logger: 'loud' }, bad],
  ])('%j is refused with %s, and nothing has changed', (options, code) => {
    const { lifecycle, environment } = test;
    const settings = lifecycle.settings;
    const given = options === undefined ? undefined : { lifecycle, ...options };
    expect(() => bootstrap(given as never)).toThrow(expect.objectContaining({ code }));
    expect(lifecycle.settings).toBe(settings);
    expect(lifecycle.health.check().probes).toEqual([]);
    expect(environment.signalHandlerCount('SIGTERM')).toBe(0);
  });

  it('a name that is taken is refused', () => {
    run([]);
    expect(() => run([upAtOnce('pool', log)])).toThrow(
      expect.objectContaining({ code: 'LASTCALL_BAD_PROBE' }),
    );
    expect(log).toEqual([]);
  });
});

describe("go-zero's TestServiceConf", () => {
  it('sets up the lifecycle from a plain configuration', () => {
    const config = JSON.parse(
      '{"name":"orders","proc":{"wrapUpTimeMs":200,"hammerTimeMs":300,"waitTimeMs":400}}',
    );
    bootstrap({ ...config, lifecycle: test.lifecycle });
    expect(test.lifecycle.settings).toMatchObject(config.proc);
    expect(test.lifecycle.health.check().probes.map(({ name }) => name)).toEqual(['orders']);
  });
});
