import { createTestLifecycle, type TestLifecycle } from '@lastcall/proc/testing';
import { createServiceGroup, type Service, ServiceGroup, withStart, withStarter } from '../src';
import { blocking, defer, type Log, never, upAtOnce } from './recording-service';

let test: TestLifecycle;
let log: Log;
let group: ServiceGroup;

beforeEach(() => {
  test = createTestLifecycle({ exit: 'none' }, { isListening: false });
  log = [];
  group = new ServiceGroup({ lifecycle: test.lifecycle });
});

/** How many listeners the lifecycle has, told by what a stop runs. */
async function listenersOfStop(): Promise<string[]> {
  const stopped = test.lifecycle.shutdown();
  await test.clock.advance(0);
  return (await stopped).listeners.map(({ name }) => name);
}

describe("go-zero's tests", () => {
  const multipliers = [2, 3, 5, 7];

  it('TestServiceGroup: starts all, a stop unblocks all, and nothing stops twice', async () => {
    let value = 1;
    let stops = 0;
    for (const multiplier of multipliers) {
      const quit = defer();
      const service: Service = {
        start: () => {
          value *= multiplier;
          return quit.promise;
        },
        stop: () => {
          stops += 1;
          quit.resolve();
        },
      };
      group.add(service);
    }
    const returned = group.start();
    expect(value).toBe(210);
    await group.stop();
    await returned;
    expect(stops).toBe(multipliers.length);
    await test.lifecycle.shutdown();
    expect(stops).toBe(multipliers.length);
  });

  it('TestServiceGroup_WithStart', async () => {
    let value = 1;
    for (const multiplier of multipliers) group.add(withStart(() => void (value *= multiplier)));
    await group.start();
    await group.stop();
    expect(value).toBe(210);
  });

  it('TestServiceGroup_WithStarter', async () => {
    let value = 1;
    class Multiplier {
      readonly #by: number;
      constructor(by: number) {
        this.#by = by;
      }
      start(): void {
        value *= this.#by;
      }
    }
    for (const multiplier of multipliers) group.add(withStarter(new Multiplier(multiplier)));
    await group.start();
    await group.stop();
    expect(value).toBe(210);
    expect(group.services.map(({ name }) => name)).toEqual([
      'Multiplier',
      'Multiplier#2',
      'Multiplier#3',
      'Multiplier#4',
    ]);
  });
});

describe('start()', () => {
  it('calls every start in the order of adding, without waiting for one another', async () => {
    group.add(blocking('a', log)).add(blocking('b', log)).add(upAtOnce('c', log));
    const returned = group.start();
    expect(log).toEqual(['a starts', 'b starts', 'c starts']);
    expect(group.state).toBe('running');
    await group.stop();
    await returned;
  });

  it('resolves when all have returned, and the group goes on', async () => {
    const up = defer();
    group.add({ name: 'a', start: () => up.promise }).add(upAtOnce('b', log));
    const returned = group.start();
    const settled = jest.fn();
    returned.then(settled);
    await test.clock.advance(0);
    expect(settled).not.toHaveBeenCalled();
    up.resolve();
    await returned;
    expect(group.state).toBe('running');
    expect(group.services).toEqual([
      { name: 'a', state: 'up' },
      { name: 'b', state: 'up' },
    ]);
  });

  it('leaves the others running when a service ends by itself', async () => {
    const end = defer();
    group.add({ name: 'batch', start: () => end.promise }).add(blocking('server', log));
    const returned = group.start();
    end.resolve();
    await group.ready;
    expect(log).toEqual(['server starts']);
    expect(group.state).toBe('running');
    await group.stop();
    await returned;
    expect(log).toEqual(['server starts', 'server stops', 'server returns']);
  });

  it('is refused a second time, and nothing starts again', async () => {
    group.add(upAtOnce('a', log));
    await group.start();
    await expect(group.start()).rejects.toMatchObject({ code: 'LASTCALL_SERVICE_GROUP_STARTED' });
    await group.stop();
    await expect(group.start()).rejects.toMatchObject({ code: 'LASTCALL_SERVICE_GROUP_STARTED' });
    expect(log).toEqual(['a starts', 'a stops', 'a stopped']);
  });

  it('starts nothing after a stop', async () => {
    group.add(upAtOnce('a', log));
    await group.stop();
    await group.start();
    expect(log).toEqual([]);
    expect(group.state).toBe('stopped');
    await expect(group.ready).rejects.toMatchObject({ code: 'LASTCALL_STOPPING' });
  });

  it('starts nothing in a process that is stopping', async () => {
    group.add(upAtOnce('a', log));
    void test.lifecycle.shutdown();
    await group.start();
    expect(log).toEqual([]);
    expect(group.state).toBe('stopped');
  });

  it('starts no more once a service has stopped the process in its start', async () => {
    group.add({ name: 'a', start: () => void test.lifecycle.shutdown() }).add(upAtOnce('b', log));
    await group.start();
    expect(log).toEqual([]);
    await expect(group.ready).rejects.toMatchObject({ code: 'LASTCALL_STOPPING' });
    await group.stop();
    expect(group.state).toBe('stopped');
  });

  it('hands each start an AbortSignal that aborts when its turn to stop has come', async () => {
    const signals: AbortSignal[] = [];
    const lastStops = defer();
    const keep = ({ signal }: { signal: AbortSignal }): void => void signals.push(signal);
    group.add({ start: keep }).add({ start: keep, stop: () => lastStops.promise });
    await group.start();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
    const stopped = group.stop();
    await test.clock.advance(0);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
    lastStops.resolve();
    await stopped;
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(signals[0]?.reason).toMatchObject({ code: 'LASTCALL_STOPPING' });
  });
});

describe('ready', () => {
  it('resolves when every start has returned or has called ready()', async () => {
    const up = defer();
    const isReady = jest.fn();
    let callReady: () => void = () => {};
    group.add({ start: () => up.promise });
    group.add({
      start: ({ ready }) => {
        callReady = ready;
        return never();
      },
    });
    void group.start();
    void group.ready.then(isReady);
    up.resolve();
    await test.clock.advance(0);
    expect(isReady).not.toHaveBeenCalled();
    callReady();
    await group.ready;
    expect(isReady).toHaveBeenCalledTimes(1);
  });

  it('rejects when the group stops before that', async () => {
    group.add({
      start: ({ signal }) => new Promise<void>((end) => (signal.onabort = () => end())),
    });
    void group.start();
    const stopped = group.stop('no longer needed');
    await expect(group.ready).rejects.toMatchObject({
      code: 'LASTCALL_STOPPING',
      message: "service group 'services' stops: no longer needed",
    });
    await stopped;
  });
});

describe('stop()', () => {
  it('stops in the reverse order of adding, one after the other', async () => {
    const turns = { b: defer(), c: defer() };
    group.add(upAtOnce('a', log));
    group.add(upAtOnce('b', log, () => turns.b.promise));
    group.add(upAtOnce('c', log, () => turns.c.promise));
    await group.start();
    log.length = 0;
    const stopped = group.stop();
    await test.clock.advance(0);
    expect(log).toEqual(['c stops']);
    turns.c.resolve();
    await test.clock.advance(0);
    expect(log).toEqual(['c stops', 'c stopped', 'b stops']);
    turns.b.resolve();
    await stopped;
    expect(log.slice(3)).toEqual(['b stopped', 'a stops', 'a stopped']);
    expect(group.state).toBe('stopped');
  });

  it('waits for the start too: the loop of a worker ends before its turn is over', async () => {
    const job = defer();
    group.add(upAtOnce('pool', log));
    group.add({
      name: 'worker',
      start: async ({ signal }) => {
        while (!signal.aborted) await job.promise;
        log.push('worker returns');
      },
    });
    void group.start();
    const stopped = group.stop();
    await test.clock.advance(0);
    expect(log).toEqual(['pool starts']);
    job.resolve();
    await stopped;
    expect(log).toEqual(['pool starts', 'worker returns', 'pool stops', 'pool stopped']);
  });

  it('gives every caller the same promise and stops once', async () => {
    group.add(upAtOnce('a', log));
    await group.start();
    const first = group.stop();
    expect(group.stop()).toBe(first);
    await first;
    expect(group.stop()).toBe(first);
    expect(log).toEqual(['a starts', 'a stops', 'a stopped']);
  });

  it('tells each stop its name, the reason and its deadline', async () => {
    const stop = jest.fn();
    group = new ServiceGroup({ lifecycle: test.lifecycle, stopTimeoutMs: 700 });
    group.add({ name: 'a', stop });
    await group.start();
    const before = Date.now();
    await group.stop('deploy');
    expect(stop).toHaveBeenCalledWith({
      name: 'a',
      reason: 'deploy',
      deadline: expect.any(Number),
      signal: expect.any(AbortSignal),
    });
    const { deadline } = stop.mock.calls[0][0];
    expect(deadline).toBeGreaterThanOrEqual(before + 700);
    expect(deadline).toBeLessThanOrEqual(Date.now() + 700);
  });

  it('takes the group out of the stop of the process', async () => {
    group.add(upAtOnce('a', log));
    await group.start();
    await group.stop();
    expect(await listenersOfStop()).toEqual([]);
  });

  it('of a group that was stopped inside a start starts no further service', async () => {
    group.add(upAtOnce('a', log));
    group.add({ name: 'b', start: () => void group.stop(), stop: () => void log.push('b stops') });
    group.add(upAtOnce('c', log));
    await group.start();
    await group.stop();
    expect(log).toEqual(['a starts', 'b stops', 'a stops', 'a stopped']);
  });
});

describe('in the stop of the process', () => {
  it('is one listener of the stage work', async () => {
    group.add(upAtOnce('a', log)).add(upAtOnce('b', log));
    await group.start();
    test.lifecycle.onShutdown(() => void log.push('server drained'), { stage: 'intake' });
    test.lifecycle.onShutdown(() => void log.push('pool closed'), { name: 'pool' });
    log.length = 0;
    test.kill('SIGTERM');
    await test.clock.advance(0);
    expect(log).toEqual([
      'server drained',
      'b stops',
      'b stopped',
      'a stops',
      'a stopped',
      'pool closed',
    ]);
    const { listeners } = await test.lifecycle.shutdown();
    expect(listeners.filter(({ stage }) => stage === 'work')).toMatchObject([
      { name: 'services', outcome: 'ok' },
    ]);
  });

  it('takes another stage and name as options', async () => {
    group = createServiceGroup({ lifecycle: test.lifecycle, stage: 'intake', name: 'consumers' });
    group.add(upAtOnce('a', log));
    await group.start();
    const { listeners } = await Promise.all([
      test.lifecycle.shutdown(),
      test.clock.advance(0),
    ]).then(([report]) => report);
    expect(listeners).toMatchObject([{ name: 'consumers', stage: 'intake', outcome: 'ok' }]);
  });

  it('stops what is still starting', async () => {
    const connected = defer();
    group.add(upAtOnce('a', log));
    group.add({
      name: 'b',
      start: ({ signal }) => {
        signal.addEventListener('abort', () => connected.reject(signal.reason));
        return connected.promise;
      },
      stop: () => void log.push('b stops'),
    });
    const returned = group.start();
    test.kill('SIGTERM');
    await test.clock.advance(0);
    await returned;
    const report = await test.lifecycle.shutdown();
    expect(log).toEqual(['a starts', 'b stops', 'a stops', 'a stopped']);
    expect(report.ok).toBe(true);
  });

  it('waits for a stop by hand that is under way', async () => {
    const closed = defer();
    group.add(upAtOnce('a', log, () => closed.promise));
    await group.start();
    const stopped = group.stop('by hand');
    test.kill('SIGTERM');
    await test.clock.advance(0);
    expect(test.lifecycle.state).toBe('shutting-down');
    closed.resolve();
    await stopped;
    await test.clock.advance(0);
    expect(test.lifecycle.state).toBe('stopped');
    expect((await test.lifecycle.shutdown()).listeners).toMatchObject([
      { name: 'services', outcome: 'ok' },
    ]);
  });
});

describe('add()', () => {
  it('is refused once the group has started, which goes on', async () => {
    group.add(upAtOnce('a', log));
    await group.start();
    expect(() => group.add(upAtOnce('b', log))).toThrow(
      expect.objectContaining({ code: 'LASTCALL_SERVICE_GROUP_STARTED' }),
    );
    await group.stop();
    expect(() => group.add(upAtOnce('b', log))).toThrow(
      expect.objectContaining({ code: 'LASTCALL_SERVICE_GROUP_STARTED' }),
    );
    expect(log).toEqual(['a starts', 'a stops', 'a stopped']);
  });

  it('tells services of one name apart, also beside one that looks like a numbered one', async () => {
    for (const name of ['a', 'a#2', 'a', 'b', 'a', 'a#2']) group.add(upAtOnce(name, log));
    await group.start();
    expect(group.services.map(({ name }) => name)).toEqual([
      'a',
      'a#2',
      'a#3',
      'b',
      'a#4',
      'a#2#2',
    ]);
    await group.stop();
  });

  it.each([
    [undefined],
    [null],
    ['worker'],
    [() => {}],
    [{}],
    [{ start: 1 }],
    [{ start: () => {}, stop: 'no' }],
    [{ name: '', start: () => {} }],
    [{ name: 1, start: () => {} }],
  ])('refuses %p', (service) => {
    expect(() => group.add(service as never)).toThrow(
      expect.objectContaining({ code: 'LASTCALL_BAD_OPTION' }),
    );
  });
});

describe('bad options', () => {
  it.each([
    [{ nmae: 'a' }, 'LASTCALL_BAD_OPTION'],
    [{ name: '' }, 'LASTCALL_BAD_OPTION'],
    [{ stage: 'werk' }, 'LASTCALL_UNKNOWN_STAGE'],
    [{ lifecycle: {} }, 'LASTCALL_BAD_OPTION'],
    [{ stopTimeoutMs: 0 }, 'LASTCALL_BAD_OPTION'],
    [{ stopTimeoutMs: Number.NaN }, 'LASTCALL_BAD_OPTION'],
    [{ onFailure: 'restart' }, 'LASTCALL_BAD_OPTION'],
    [null, 'LASTCALL_BAD_OPTION'],
  ])('%p is refused with %s', (options, code) => {
    expect(() => new ServiceGroup(options as never)).toThrow(expect.objectContaining({ code }));
  });

  it('withStart() and withStarter() refuse what they cannot start', () => {
    const badOption = expect.objectContaining({ code: 'LASTCALL_BAD_OPTION' });
    expect(() => withStart('go' as never)).toThrow(badOption);
    expect(() => withStarter({} as never)).toThrow(badOption);
    expect(() => withStarter(null as never)).toThrow(badOption);
  });
});
