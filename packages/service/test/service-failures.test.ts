import { createTestLifecycle, type TestLifecycle } from '@lastcall/proc/testing';
import { ServiceGroup } from '../src';
import { blocking, defer, type Log, never, upAtOnce } from './recording-service';

let test: TestLifecycle;
let log: Log;
let group: ServiceGroup;

beforeEach(() => {
  test = createTestLifecycle({ exit: 'none' }, { isListening: false });
  log = [];
  group = new ServiceGroup({ lifecycle: test.lifecycle });
});

const refused = new Error('connect ECONNREFUSED');

describe('a start that fails', () => {
  it('stops what was started, in reverse, and rejects with the service and the cause', async () => {
    const connecting = defer();
    group.add(upAtOnce('a', log)).add(upAtOnce('b', log));
    group.add({
      name: 'db',
      start: () => connecting.promise,
      stop: () => void log.push('db stops'),
    });
    const returned = group.start();
    connecting.reject(refused);
    await expect(returned).rejects.toMatchObject({
      name: 'LastcallError',
      code: 'LASTCALL_SERVICE_FAILED',
      message: "service 'db' failed to start: connect ECONNREFUSED",
      cause: refused,
    });
    expect(log).toEqual(['a starts', 'b starts', 'b stops', 'b stopped', 'a stops', 'a stopped']);
    expect(group.state).toBe('stopped');
    await expect(group.ready).rejects.toMatchObject({ cause: refused });
  });

  it('does not start what comes after one that throws at once', async () => {
    group.add(upAtOnce('a', log));
    group.add({
      name: 'db',
      start: () => {
        throw refused;
      },
    });
    group.add(upAtOnce('c', log));
    await expect(group.start()).rejects.toMatchObject({ cause: refused });
    expect(log).toEqual(['a starts', 'a stops', 'a stopped']);
  });

  it('stops a service that fails long after it was up, too', async () => {
    const running = defer();
    group.add(blocking('server', log));
    group.add({
      name: 'consumer',
      start: ({ ready }) => {
        ready();
        return running.promise;
      },
    });
    const returned = group.start();
    await group.ready;
    running.reject(refused);
    await expect(returned).rejects.toMatchObject({
      message: "service 'consumer' failed: connect ECONNREFUSED",
    });
    expect(log).toEqual(['server starts', 'server stops', 'server returns']);
  });

  it('keeps the errors of several services', async () => {
    const leaking = new Error('socket hang up');
    const fails = defer();
    group.add(
      upAtOnce('a', log, () => {
        throw leaking;
      }),
    );
    group.add({ name: 'b', start: () => fails.promise });
    const returned = group.start();
    fails.reject(refused);
    const error = await returned.catch((thrown) => thrown);
    expect(error.code).toBe('LASTCALL_SERVICE_FAILED');
    expect(error.message).toBe(
      "service 'b' failed to start: connect ECONNREFUSED; service 'a' failed to stop: socket hang up",
    );
    expect(error.cause).toBeInstanceOf(AggregateError);
    expect(error.cause.errors).toEqual([refused, leaking]);
  });

  it('takes the group out of the stop of the process, which is not stopped by it', async () => {
    group.add({ start: () => Promise.reject(refused) });
    await expect(group.start()).rejects.toMatchObject({ code: 'LASTCALL_SERVICE_FAILED' });
    expect(test.lifecycle.state).toBe('running');
    const report = await test.lifecycle.shutdown();
    expect(report.listeners).toEqual([]);
  });

  it('stops the process when asked to, and the report shows it', async () => {
    group = new ServiceGroup({ lifecycle: test.lifecycle, onFailure: 'shutdown' });
    group.add(upAtOnce('a', log)).add({ name: 'db', start: () => Promise.reject(refused) });
    test.lifecycle.onShutdown(() => void log.push('server drained'), { stage: 'intake' });
    await expect(group.start()).rejects.toMatchObject({ cause: refused });
    await test.clock.advance(0);
    const report = await test.lifecycle.shutdown();
    expect(log).toEqual(['a starts', 'server drained', 'a stops', 'a stopped']);
    expect(report).toMatchObject({ reason: 'service db failed', ok: false });
    expect(report.listeners[1]).toMatchObject({
      name: 'services',
      outcome: 'failed',
      error: {
        code: 'LASTCALL_SERVICE_FAILED',
        message: "service 'db' failed to start: connect ECONNREFUSED",
      },
    });
  });

  it('during the hold of a stop is in its report', async () => {
    test = createTestLifecycle({ exit: 'none' });
    group = new ServiceGroup({ lifecycle: test.lifecycle });
    const running = defer();
    group.add(upAtOnce('a', log)).add({ name: 'consumer', start: () => running.promise });
    const returned = group.start();
    test.kill('SIGTERM');
    await test.clock.advance(500);
    running.reject(refused);
    await expect(returned).rejects.toMatchObject({ cause: refused });
    await test.clock.advance(500);
    const { listeners } = await test.lifecycle.shutdown();
    expect(listeners).toMatchObject([{ name: 'services', outcome: 'failed' }]);
  });

  it('with something that is not an error says what it was', async () => {
    group.add({ name: 'a', start: () => Promise.reject('out of luck') });
    await expect(group.start()).rejects.toMatchObject({
      message: "service 'a' failed to start: out of luck",
      cause: { cause: 'out of luck' },
    });
  });
});

describe('a stop that fails', () => {
  it('leaves the others to stop, and rejects at the end', async () => {
    group.add(upAtOnce('a', log));
    group.add({
      name: 'b',
      stop: () => {
        throw refused;
      },
    });
    group.add({ name: 'c', stop: () => Promise.reject(refused) });
    group.add(upAtOnce('d', log));
    await group.start();
    log.length = 0;
    await expect(group.stop()).rejects.toMatchObject({
      code: 'LASTCALL_SERVICE_FAILED',
      message:
        "service 'c' failed to stop: connect ECONNREFUSED; service 'b' failed to stop: connect ECONNREFUSED",
    });
    expect(log).toEqual(['d stops', 'd stopped', 'a stops', 'a stopped']);
  });

  it('lets start() resolve: it is the stop that tells', async () => {
    group.add({ start: () => {}, stop: () => Promise.reject(refused) });
    const returned = group.start();
    const stopped = group.stop();
    await expect(returned).resolves.toBeUndefined();
    await expect(stopped).rejects.toMatchObject({ cause: refused });
  });

  it('is reported in the stop of the process', async () => {
    group.add({ name: 'a', stop: () => Promise.reject(refused) });
    await group.start();
    test.kill('SIGTERM');
    await test.clock.advance(0);
    const report = await test.lifecycle.shutdown();
    expect(report.ok).toBe(false);
    expect(report.listeners).toMatchObject([
      {
        outcome: 'failed',
        error: { message: "service 'a' failed to stop: connect ECONNREFUSED" },
      },
    ]);
  });

  it('that only says that its time is over is no failure', async () => {
    group = new ServiceGroup({ lifecycle: test.lifecycle, stopTimeoutMs: 1 });
    group.add({
      name: 'a',
      stop: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    });
    await group.start();
    await expect(group.stop()).resolves.toBeUndefined();
  });
});

describe('a stop that hangs', () => {
  it('is told at its time, named, and no longer waited for', async () => {
    const times = { wrapUpTimeMs: 0, hammerTimeMs: 100, waitTimeMs: 110 };
    test = createTestLifecycle({ exit: 'none', ...times }, { isListening: false });
    group = new ServiceGroup({ lifecycle: test.lifecycle, stopTimeoutMs: 5 });
    const signals: AbortSignal[] = [];
    group.add(upAtOnce('a', log));
    group.add({
      name: 'queue',
      stop: ({ signal }) => {
        signals.push(signal);
        return never();
      },
    });
    await group.start();
    await expect(group.stop()).rejects.toMatchObject({
      message: expect.stringMatching(
        /^service 'queue' failed to stop: it had not settled 9 ms after its AbortSignal aborted/,
      ),
    });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(log).toEqual(['a starts', 'a stops', 'a stopped']);
  });

  it('is told by the hammer in the stop of the process, and what is left at the same time', async () => {
    const stop = jest.fn(() => never());
    group.add(upAtOnce('a', log)).add({ name: 'b', stop }).add({ name: 'c', stop });
    await group.start();
    test.kill('SIGTERM');
    await test.clock.advance(4499);
    expect(stop).toHaveBeenCalledTimes(1);
    await test.clock.advance(1);
    expect(stop).toHaveBeenCalledTimes(2);
    expect(log).toEqual(['a starts', 'a stops', 'a stopped']);
    await test.clock.advance(1000);
    const report = await test.lifecycle.shutdown();
    expect(report).toMatchObject({ forced: 'waitTimeMs', hammerMs: 4500, ok: false });
  });

  it('is a start that does not end, too', async () => {
    const times = { wrapUpTimeMs: 0, hammerTimeMs: 5, waitTimeMs: 15 };
    test = createTestLifecycle({ exit: 'none', ...times }, { isListening: false });
    group = new ServiceGroup({ lifecycle: test.lifecycle });
    group.add(upAtOnce('a', log)).add({ name: 'loop', start: never });
    const returned = group.start();
    await expect(group.stop()).rejects.toMatchObject({
      message: expect.stringContaining("service 'loop' failed to stop: it had not settled"),
    });
    await returned;
    expect(log).toEqual(['a starts', 'a stops', 'a stopped']);
  });
});
