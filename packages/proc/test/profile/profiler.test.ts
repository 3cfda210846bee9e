import { Session } from 'node:inspector';
import type { LastcallError } from '../../src';
import { createProcessProfileHost } from '../../src/profile/process-profile-host';
import { profileFiles } from '../../src/profile/profile-files';
import type { ProfileHost } from '../../src/profile/profile-host';
import { Profiler } from '../../src/profile/profiler';
import type { Profiles } from '../../src/profile/profiles';
import { burn, durationOf, frameNames, samplesOf, shortestGapOf } from './profile-reading';

/** The real profilers, with another clock or with faults. */
const host = (changes: Partial<ProfileHost> = {}): ProfileHost => ({
  ...createProcessProfileHost(),
  ...changes,
});

const never = <T>(): Promise<T> => new Promise(() => {});

/** Fires the timer of a deadline at once, and no other. */
const deadlinesAtOnce: Partial<ProfileHost> = {
  setTimer: (fn, delayMs, keepsAlive) => {
    const timer = setTimeout(fn, keepsAlive ? 0 : delayMs);
    return () => clearTimeout(timer);
  },
};

/** V8 may be late on a busy machine, but never samples more often than it was told, but for the start and the end. */
function expectAtMostEvery(intervalMs: number, profile: object | null): void {
  expect(samplesOf(profile).length).toBeLessThanOrEqual(durationOf(profile) / intervalMs + 3);
}

async function recorded(profiler: Profiler): Promise<Profiles> {
  const profiles = await profiler.stop();
  if (profiles === null) throw new Error('nothing was recorded');
  return profiles;
}

describe('Profiler', () => {
  it('records CPU time, memory in use and the event loop', async () => {
    const profiler = new Profiler();
    expect(profiler.state).toBe('idle');
    const before = Date.now();
    await profiler.start({ intervalMs: 1 });
    expect(profiler.state).toBe('running');
    const held = burn(300);
    const profiles = await recorded(profiler);
    expect(profiler.state).toBe('idle');
    expect(held.length).toBeGreaterThan(0);
    expect(profiles.missing).toEqual([]);
    expect(frameNames(profiles.cpu)).toContain('burn');
    expect(frameNames(profiles.heap)).toContain('burn');
    expect(profiles.startedAt).toBeGreaterThanOrEqual(before);
    expect(profiles.durationMs).toBeGreaterThanOrEqual(299);
    const { loop } = profiles;
    expect(loop?.delayMs?.max).toBeGreaterThanOrEqual(280);
    expect(loop?.activeMs).toBeGreaterThanOrEqual(280);
    expect(loop?.utilization).toBeGreaterThan(0.5);
    expect(loop?.memory.end.rssBytes).toBeGreaterThan(1e6);
  });

  it('records only the kinds it is asked for', async () => {
    const profiler = new Profiler();
    await profiler.start({ kinds: ['loop'] });
    const { cpu, heap, loop, missing } = await recorded(profiler);
    expect({ cpu, heap, missing }).toEqual({ cpu: null, heap: null, missing: [] });
    expect(loop).not.toBeNull();
  });

  it('samples as often as it is told', async () => {
    const profiler = new Profiler();
    const profiles: (object | null)[] = [];
    for (const intervalMs of [1, 50]) {
      await profiler.start({ kinds: ['cpu'], intervalMs, force: true });
      burn(400);
      profiles.push((await recorded(profiler)).cpu);
    }
    const [fine = null, coarse = null] = profiles;
    expect(shortestGapOf(fine)).toBeLessThan(20);
    expectAtMostEvery(50, coarse);
  });

  it('counts what the garbage collector does', async () => {
    const profiler = new Profiler();
    await profiler.start({ kinds: ['loop'] });
    // Some tens of megabytes of garbage: no nursery is as large.
    for (let n = 0; n < 3e6; n++) new Array(4).fill(n);
    const { loop } = await recorded(profiler);
    const minor = loop?.collections.minor;
    expect(minor?.count).toBeGreaterThan(0);
    expect(minor?.totalMs).toBeGreaterThanOrEqual(minor?.maxMs ?? Number.NaN);
    expect(minor?.maxMs).toBeGreaterThan(0);
  });

  it('stops by itself after maxMs, and says so with the promise of that stop', async () => {
    const profiler = new Profiler();
    let same = false;
    const profiles = await new Promise<Profiles | null>((resolve) => {
      const onAutoStop = (stopped: Promise<Profiles | null>): void => {
        same = stopped === profiler.stop();
        resolve(stopped);
      };
      void profiler.start({ maxMs: 20, onAutoStop });
    });
    expect(same).toBe(true);
    expect(profiles?.cpu).not.toBeNull();
    expect(profiler.state).toBe('idle');
    expect(await profiler.stop()).toBeNull();
  });

  it('does not stop by itself once it was stopped', async () => {
    const timers = new Set<() => void>();
    const setTimer = (fn: () => void): (() => void) => {
      timers.add(fn);
      return () => timers.delete(fn);
    };
    const profiler = new Profiler(host({ setTimer }));
    await profiler.start();
    expect(timers.size).toBe(1);
    await profiler.stop();
    expect(timers.size).toBe(0);
  });
});

describe('Profiler.start()', () => {
  it('refuses a second profile while one starts, runs or stops', async () => {
    const profiler = new Profiler();
    const running = { code: 'LASTCALL_PROFILE_RUNNING' };
    const started = profiler.start();
    expect(profiler.state).toBe('starting');
    await expect(profiler.start()).rejects.toMatchObject(running);
    await started;
    await expect(profiler.start({ force: true })).rejects.toMatchObject(running);
    const stopped = profiler.stop();
    expect(profiler.state).toBe('stopping');
    await expect(profiler.start()).rejects.toMatchObject(running);
    expect(await stopped).not.toBeNull();
  });

  it('refuses one within a second after the last one, unless forced', async () => {
    let now = 5000;
    const profiler = new Profiler(host({ now: () => now }));
    await profiler.start({ kinds: ['loop'] });
    await profiler.stop();
    now += 999;
    await expect(profiler.start()).rejects.toMatchObject({ code: 'LASTCALL_PROFILE_TOO_SOON' });
    await profiler.start({ kinds: ['loop'], force: true });
    await profiler.stop();
    now += 1000;
    await profiler.start({ kinds: ['loop'] });
    await profiler.stop();
  });

  it.each([
    null,
    { kinds: [] },
    { kinds: ['cpu', 'gpu'] },
    { kinds: 'cpu' },
    { intervalMs: 0.04 },
    { intervalMs: 1001 },
    { intervalMs: Number.NaN },
    { intervalMs: '10' },
    { heapIntervalBytes: 0 },
    { maxMs: 0 },
    { maxMs: 600_001 },
    { maxMs: Number.POSITIVE_INFINITY },
    { force: 1 },
    { onAutoStop: true },
    { interval: 10 },
  ])('refuses %j, and stays idle', async (options) => {
    const profiler = new Profiler();
    await expect(profiler.start(options as never)).rejects.toMatchObject({
      code: 'LASTCALL_BAD_OPTION',
    });
    expect(profiler.state).toBe('idle');
  });

  it('records no more samples than fit into memory, whatever maxMs says', async () => {
    const delays: number[] = [];
    const setTimer: ProfileHost['setTimer'] = (fn, delayMs, keepsAlive) => {
      if (!keepsAlive) delays.push(delayMs);
      return host().setTimer(fn, delayMs, keepsAlive);
    };
    const profiler = new Profiler(host({ setTimer }));
    for (const kinds of [['cpu'], ['loop']] as const) {
      await profiler.start({ kinds, intervalMs: 0.05, maxMs: 600_000, force: true });
      await profiler.stop();
    }
    expect(delays).toEqual([30_000, 600_000]);
  });

  it('goes on without a kind that does not start, and says why', async () => {
    const recordCpu = (): never => {
      throw new Error('injected');
    };
    const profiler = new Profiler(host({ recordCpu }));
    await profiler.start();
    const { cpu, heap, loop, missing } = await recorded(profiler);
    expect(cpu).toBeNull();
    expect(heap).not.toBeNull();
    expect(loop).not.toBeNull();
    expect(missing).toMatchObject([
      {
        kind: 'cpu',
        error: { code: 'LASTCALL_PROFILE_FAILED', message: expect.stringContaining('injected') },
      },
    ]);
  });

  it('fails when not one kind starts, and can be tried again', async () => {
    let fails = true;
    const recordCpu: ProfileHost['recordCpu'] = (intervalMs) => {
      if (fails) return Promise.reject(new Error('injected'));
      return host().recordCpu(intervalMs);
    };
    const profiler = new Profiler(host({ recordCpu }));
    await expect(profiler.start({ kinds: ['cpu'] })).rejects.toMatchObject({
      code: 'LASTCALL_PROFILE_FAILED',
    });
    expect(profiler.state).toBe('idle');
    fails = false;
    await profiler.start({ kinds: ['cpu'] });
    expect((await recorded(profiler)).cpu).not.toBeNull();
  });

  it('gives up on a kind that never starts, and lets go of it should it start after all', async () => {
    let startLate: (value: unknown) => void = () => {};
    let abandoned: () => void = () => {};
    const letGo = new Promise<void>((resolve) => {
      abandoned = resolve;
    });
    const recordCpu = (): Promise<never> =>
      new Promise((resolve) => {
        startLate = resolve as never;
      });
    const profiler = new Profiler(host({ ...deadlinesAtOnce, recordCpu }));
    await expect(profiler.start({ kinds: ['cpu'] })).rejects.toMatchObject({
      code: 'LASTCALL_PROFILE_FAILED',
      message: expect.stringContaining('starting the cpu profile'),
    });
    startLate({ stop: never, abandon: abandoned });
    await letGo;
  });
});

describe('Profiler.stop()', () => {
  it('gives null when nothing was recorded', async () => {
    expect(await new Profiler().stop()).toBeNull();
  });

  it('gives everybody who calls meanwhile the same promise, also while it starts', async () => {
    const profiler = new Profiler();
    const started = profiler.start({ kinds: ['loop'] });
    const first = profiler.stop();
    expect(profiler.stop()).toBe(first);
    await started;
    expect(profiler.state).toBe('stopping');
    expect(profiler.stop()).toBe(first);
    expect((await first)?.loop).not.toBeNull();
    expect(profiler.state).toBe('idle');
  });

  it('gives null when what was starting failed', async () => {
    const recordCpu = (): Promise<never> => Promise.reject(new Error('injected'));
    const profiler = new Profiler(host({ recordCpu }));
    const started = profiler.start({ kinds: ['cpu'] });
    const stopped = profiler.stop();
    await expect(started).rejects.toMatchObject({ code: 'LASTCALL_PROFILE_FAILED' });
    expect(await stopped).toBeNull();
    expect(profiler.state).toBe('idle');
  });

  it.each([
    ['hangs', () => never<object>(), 'gave up'],
    ['fails', () => Promise.reject(new Error('injected')), 'injected'],
  ])('gives up a kind whose end %s, lets go of it and gives the others', async (_w, stop, says) => {
    let abandoned = 0;
    const recordCpu = async (): Promise<never> =>
      ({ stop, abandon: () => void abandoned++ }) as never;
    const profiler = new Profiler(host({ ...deadlinesAtOnce, recordCpu }));
    await profiler.start({ kinds: ['cpu', 'heap'] });
    const { cpu, heap, missing } = await recorded(profiler);
    expect({ cpu, abandoned }).toEqual({ cpu: null, abandoned: 1 });
    expect(heap).not.toBeNull();
    expect(missing).toMatchObject([
      {
        kind: 'cpu',
        error: { code: 'LASTCALL_PROFILE_FAILED', message: expect.stringContaining(says) },
      },
    ]);
  });
});

describe('Profiler.stopNow()', () => {
  it('gives what was recorded before it returns', async () => {
    const profiler = new Profiler();
    await profiler.start({ intervalMs: 1 });
    const held = burn(100);
    const profiles = profiler.stopNow();
    expect(profiler.state).toBe('idle');
    expect(held.length).toBeGreaterThan(0);
    expect(frameNames(profiles?.cpu ?? null)).toContain('burn');
    expect(frameNames(profiles?.heap ?? null)).toContain('burn');
    expect(profiles?.loop?.activeMs).toBeGreaterThanOrEqual(80);
    expect(profiles?.missing).toEqual([]);
    expect(profiler.stopNow()).toBeNull();
  });

  it('also while a stop is under way, which gives null then', async () => {
    const profiler = new Profiler();
    await profiler.start();
    const stopped = profiler.stop();
    const profiles = profiler.stopNow();
    expect(profiles).toMatchObject({
      cpu: expect.anything(),
      heap: expect.anything(),
      loop: expect.anything(),
      missing: [],
    });
    expect(await stopped).toBeNull();
    await profiler.start({ force: true });
    expect((await recorded(profiler)).missing).toEqual([]);
  });

  it('gives null where nothing is recorded yet, and what starts goes on', async () => {
    const profiler = new Profiler();
    expect(profiler.stopNow()).toBeNull();
    const started = profiler.start({ kinds: ['loop'] });
    expect(profiler.stopNow()).toBeNull();
    await started;
    expect((await recorded(profiler)).loop).not.toBeNull();
  });

  it('gives the others where one cannot be stopped, and says which', async () => {
    const stopNow = (): never => {
      throw new Error('injected');
    };
    let abandoned = 0;
    const recordCpu = async (): Promise<never> =>
      ({ stop: never, stopNow, abandon: () => void abandoned++ }) as never;
    const profiler = new Profiler(host({ recordCpu }));
    await profiler.start({ kinds: ['cpu', 'loop'] });
    const profiles = profiler.stopNow();
    expect(profiles).toMatchObject({
      cpu: null,
      loop: expect.anything(),
      missing: [{ kind: 'cpu', error: { code: 'LASTCALL_PROFILE_FAILED' } }],
    });
    expect(abandoned).toBe(1);
  });
});

describe('next to other profilers', () => {
  const openSession = (): Session => {
    const session = new Session();
    session.connect();
    return session;
  };
  const post = <T>(session: Session, method: string, parameters?: object): Promise<T> =>
    new Promise((resolve, reject) => {
      session.post(method, parameters, (error: unknown, answer: unknown) =>
        error === null ? resolve(answer as T) : reject(error),
      );
    });

  it('a CPU profile of somebody else keeps its interval and goes on', async () => {
    const session = openSession();
    await post(session, 'Profiler.enable');
    await post(session, 'Profiler.setSamplingInterval', { interval: 50_000 });
    await post(session, 'Profiler.start');
    const profiler = new Profiler();
    await profiler.start({ kinds: ['cpu'], intervalMs: 1 });
    burn(300);
    const { cpu } = await recorded(profiler);
    burn(100);
    const { profile } = await post<{ profile: object }>(session, 'Profiler.stop');
    session.disconnect();
    expect(shortestGapOf(cpu)).toBeLessThan(20);
    expectAtMostEvery(50, profile);
    expect(frameNames(profile)).toContain('burn');
  });

  it('a heap profile of somebody else is left alone', async () => {
    const session = openSession();
    await post(session, 'HeapProfiler.startSampling', { samplingInterval: 4096 });
    const profiler = new Profiler();
    await profiler.start();
    const held = burn(50);
    const profiles = await recorded(profiler);
    const more = burn(50);
    const { profile } = await post<{ profile: object }>(session, 'HeapProfiler.stopSampling');
    session.disconnect();
    expect(held.length + more.length).toBeGreaterThan(0);
    expect(profiles.heap).toBeNull();
    expect(profiles.missing).toMatchObject([
      { kind: 'heap', error: { code: 'LASTCALL_PROFILE_TAKEN' } },
    ]);
    expect(profiles.cpu).not.toBeNull();
    expect(frameNames(profile)).toContain('burn');
    // Nothing of ours is left that would be in the way of the next one.
    await profiler.start({ kinds: ['heap'], force: true });
    expect((await recorded(profiler)).heap).not.toBeNull();
  });

  it('a heap profile that somebody else ended is missing, and nothing worse', async () => {
    const profiler = new Profiler();
    await profiler.start({ kinds: ['heap'] });
    const session = openSession();
    await post(session, 'HeapProfiler.stopSampling');
    session.disconnect();
    const { heap, missing } = await recorded(profiler);
    expect(heap).toBeNull();
    expect(missing).toMatchObject([{ kind: 'heap', error: { code: 'LASTCALL_PROFILE_FAILED' } }]);
  });

  it('two profilers of ours take turns with the heap and share the rest', async () => {
    const [first, second] = [new Profiler(), new Profiler()];
    await first.start();
    await second.start();
    const codes = (profiles: Profiles): string[] =>
      profiles.missing.map(({ error }: { error: LastcallError }) => error.code);
    expect(codes(await recorded(second))).toEqual(['LASTCALL_PROFILE_TAKEN']);
    expect(codes(await recorded(first))).toEqual([]);
  });
});

describe('profileFiles()', () => {
  it('makes a file of each kind that was recorded', async () => {
    const profiler = new Profiler();
    await profiler.start();
    const profiles = await recorded(profiler);
    const files = profileFiles(profiles);
    expect(files.map(({ kind, extension }) => `${kind}.${extension}`)).toEqual([
      'cpu.cpuprofile',
      'heap.heapprofile',
      'loop.json',
    ]);
    expect(samplesOf(JSON.parse(files[0]?.content ?? ''))).toEqual(samplesOf(profiles.cpu));
    expect(profileFiles({ ...profiles, cpu: null, heap: null })).toHaveLength(1);
  });
});
