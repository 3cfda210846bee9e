import { formatEvent, LastcallError } from '../src';
import { createTestLifecycle, type TestLifecycle } from '../src/testing';

const never = (): Promise<never> => new Promise(() => {});

/** A listener that notes its name and time, and settles after `ms`. */
function recorder(test: ReturnType<typeof createTestLifecycle>) {
  const log: string[] = [];
  const after = (name: string, ms: number) => () =>
    new Promise<void>((resolve) => {
      log.push(`${name} starts at ${test.clock.now}`);
      test.clock.setTimer(() => {
        log.push(`${name} ends at ${test.clock.now}`);
        resolve();
      }, ms);
    });
  return { log, after };
}

describe('the timeline', () => {
  it('aborts done and is not ready before any listener is called', () => {
    const test = createTestLifecycle();
    const probe = test.lifecycle.health.addProbe('db');
    probe.markReady();
    expect(test.lifecycle.health.isReady()).toBe(true);
    const seen: unknown[] = [];
    test.lifecycle.onWrapUp(() => {
      seen.push(test.lifecycle.done.aborted, test.lifecycle.health.isReady(), test.lifecycle.state);
    });
    test.kill('SIGTERM');
    expect(seen).toEqual([true, false, 'wrapping-up']);
    expect(test.lifecycle.done.reason).toMatchObject({ code: 'LASTCALL_STOPPING' });
  });

  it('holds for wrapUpTimeMs, then runs the stages in order and ends by the signal', async () => {
    const test = createTestLifecycle();
    const { log, after } = recorder(test);
    test.lifecycle.onShutdown(after('telemetry', 10), { stage: 'telemetry' });
    test.lifecycle.onShutdown(after('resources', 10));
    test.lifecycle.onShutdown(after('work', 10), { stage: 'work' });
    test.lifecycle.onShutdown(after('intake a', 10), { stage: 'intake' });
    test.lifecycle.onShutdown(after('intake b', 30), { stage: 'intake' });
    test.lifecycle.onWrapUp(after('wrap-up', 5));
    test.kill('SIGTERM');
    await test.clock.advance(999);
    expect(log).toEqual(['wrap-up starts at 0', 'wrap-up ends at 5']);
    expect(test.lifecycle.state).toBe('wrapping-up');
    await test.clock.advance(1000);
    expect(log.slice(2)).toEqual([
      'intake a starts at 1000',
      'intake b starts at 1000',
      'intake a ends at 1010',
      'intake b ends at 1030',
      'work starts at 1030',
      'work ends at 1040',
      'resources starts at 1040',
      'resources ends at 1050',
      'telemetry starts at 1050',
      'telemetry ends at 1060',
    ]);
    expect(test.lifecycle.state).toBe('stopped');
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
    expect(test.clock.pending).toBe(0);
  });

  it('does not pause where nothing listens: the phase ends with its listeners', async () => {
    const test = createTestLifecycle({}, { isListening: false });
    const { log, after } = recorder(test);
    test.lifecycle.onWrapUp(after('wrap-up', 40));
    test.lifecycle.onShutdown(after('pool', 0));
    test.kill('SIGTERM');
    await test.clock.advance(40);
    expect(log).toEqual([
      'wrap-up starts at 0',
      'wrap-up ends at 40',
      'pool starts at 40',
      'pool ends at 40',
    ]);
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
  });

  it('does not pause after SIGINT at a terminal, but does after SIGTERM there', async () => {
    for (const [signal, stateAfter] of [
      ['SIGINT', 'stopped'],
      ['SIGTERM', 'wrapping-up'],
    ] as const) {
      const test = createTestLifecycle({}, { isTerminal: true });
      test.lifecycle.onShutdown(() => {});
      test.kill(signal);
      await test.clock.advance(0);
      expect(test.lifecycle.state).toBe(stateAfter);
    }
  });

  it('reports a late wrap-up listener and no longer waits for it', async () => {
    const test = createTestLifecycle();
    test.lifecycle.onWrapUp(never, { name: 'deregister' });
    test.lifecycle.onShutdown(() => {}, { name: 'pool' });
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(1000);
    const report = await stopped;
    expect(report.durationMs).toBe(1000);
    expect(report.listeners).toMatchObject([
      { name: 'deregister', phase: 'wrap-up', outcome: 'late', endMs: null },
      { name: 'pool', outcome: 'ok' },
    ]);
    expect(report.ok).toBe(false);
  });

  it('aborts the signal of every listener, running and later, when the hammer falls', async () => {
    const test = createTestLifecycle();
    const untilAborted = ({ signal }: { signal: AbortSignal }): Promise<void> =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    let wasAborted: boolean | undefined;
    test.lifecycle.onShutdown(untilAborted, { name: 'web', stage: 'intake' });
    test.lifecycle.onShutdown(({ signal }) => void (wasAborted = signal.aborted), { name: 'pool' });
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(4499);
    expect(wasAborted).toBeUndefined();
    await test.clock.advance(1);
    const report = await stopped;
    expect(wasAborted).toBe(true);
    expect(report).toMatchObject({ hammerMs: 4500, durationMs: 4500, forced: null });
    expect(report.listeners.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['web', 'cut'],
      ['pool', 'ok'],
    ]);
    expect(test.events.find(({ type }) => type === 'hammer')).toMatchObject({ pending: ['web'] });
  });

  it('still runs the later stages when a listener ignores the hammer, and ends at waitTimeMs', async () => {
    const test = createTestLifecycle({ exit: 'code' });
    const ran: string[] = [];
    test.lifecycle.onShutdown(never, { name: 'hung', stage: 'intake' });
    test.lifecycle.onShutdown(() => void ran.push(`pool at ${test.clock.now}`), { name: 'pool' });
    test.lifecycle.onShutdown(() => void ran.push(`logs at ${test.clock.now}`), {
      name: 'logs',
      stage: 'telemetry',
    });
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(5499);
    expect(ran).toEqual(['pool at 4700', 'logs at 4700']);
    expect(test.end).toBeNull();
    await test.clock.advance(1);
    const report = await stopped;
    expect(report).toMatchObject({ forced: 'waitTimeMs', durationMs: 5500, ok: false });
    expect(test.events.find(({ type }) => type === 'forceQuit')).toMatchObject({
      cause: 'waitTimeMs',
      pending: ['hung'],
    });
    expect(test.end).toEqual({ signal: null, code: 1 });
  });

  it('gives each listener the deadline at which its signal aborts', async () => {
    const test = createTestLifecycle();
    const started = test.environment.wallClock();
    const deadlines: number[] = [];
    test.lifecycle.onShutdown(({ deadline }) => void deadlines.push(deadline - started));
    test.lifecycle.onShutdown(({ deadline }) => void deadlines.push(deadline - started), {
      timeoutMs: 200,
    });
    void test.lifecycle.shutdown();
    await test.clock.advance(1000);
    expect(deadlines).toEqual([4500, 1200]);
  });

  it('hammers when hammer() is called, ending the hold too', async () => {
    const test = createTestLifecycle();
    test.lifecycle.hammer();
    expect(test.lifecycle.state).toBe('running');
    test.lifecycle.onShutdown(() => {}, { name: 'pool' });
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(100);
    test.lifecycle.hammer();
    await test.clock.advance(0);
    expect(await stopped).toMatchObject({ hammerMs: 100, durationMs: 100 });
  });

  it('takes the hammer from SIGUSR2 during the stop', async () => {
    const test = createTestLifecycle();
    test.lifecycle.onShutdown(() => {});
    test.kill('SIGTERM');
    await test.clock.advance(10);
    test.kill('SIGUSR2');
    await test.clock.advance(0);
    expect(test.events.find(({ type }) => type === 'hammer')).toMatchObject({
      cause: 'signal',
      atMs: 10,
    });
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
  });
});

describe('a blocked event loop', () => {
  it('does not hide that a listener took longer than the hammer or the end', async () => {
    for (const [blockedMs, outcome, forced] of [
      [4600, 'cut', null],
      [6000, 'late', 'waitTimeMs'],
    ] as const) {
      const test = createTestLifecycle({}, { isListening: false });
      test.lifecycle.onShutdown(() => void (test.clock.now += blockedMs), { name: 'blocker' });
      const stopped = test.lifecycle.shutdown();
      await test.clock.advance(0);
      expect(await stopped).toMatchObject({ ok: false, forced, listeners: [{ outcome }] });
    }
  });
});

describe('a process that was suspended beyond waitTimeMs', () => {
  it('has what is in flight cut before it ends', async () => {
    const test = createTestLifecycle({ wrapUpTimeMs: 0 });
    let settle = (): void => {};
    test.lifecycle.onShutdown(() => new Promise<void>((resolve) => (settle = resolve)), {
      name: 'quick',
      stage: 'intake',
    });
    const cutting = ({ signal }: { signal: AbortSignal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => setImmediate(() => resolve({ cut: ['job'] })));
      });
    test.lifecycle.onShutdown(cutting, { name: 'jobs', stage: 'intake' });
    test.lifecycle.onShutdown(() => {}, { name: 'pool' });
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(10);
    test.clock.now += 60_000;
    settle();
    await test.clock.advance(0);
    expect(await stopped).toMatchObject({
      hammerMs: 60_010,
      forced: 'waitTimeMs',
      listeners: [
        { name: 'quick', outcome: 'late' },
        { name: 'jobs', outcome: 'late', cut: ['job'] },
        { name: 'pool', outcome: 'late', startMs: null },
      ],
    });
  });
});

describe('a socket that listens', () => {
  it('and that nothing drains is warned of', () => {
    const warnings = (stage?: 'intake' | 'work') => {
      const test = createTestLifecycle();
      test.lifecycle.onShutdown(() => {}, { stage });
      test.kill('SIGTERM');
      return test.events.filter(({ type }) => type === 'warning');
    };
    expect(warnings()).toMatchObject([{ error: { code: 'LASTCALL_NOT_DRAINED' } }]);
    expect([...warnings('intake'), ...warnings('work')]).toEqual([]);
  });
});

describe('what is warned of during a stop', () => {
  it('is in the report and in the last line, where nothing else went wrong', async () => {
    const test = createTestLifecycle({ wrapUpTimeMs: 0 });
    test.lifecycle.warn(new LastcallError('LASTCALL_DB_LEAK', 'long before the stop'));
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(0);
    const report = await stopped;
    expect(report).toMatchObject({ ok: true, warnings: [{ code: 'LASTCALL_NOT_DRAINED' }] });
    expect(formatEvent({ type: 'report', report })).toEqual({
      level: 'warn',
      text: 'stopped after 0 ms, 0 listeners, 1 warning (LASTCALL_NOT_DRAINED); ends with exit code 0',
    });
  });

  it('does not fill the report when it comes again and again', async () => {
    const test = createTestLifecycle();
    test.lifecycle.onShutdown(
      () => {
        for (let i = 0; i < 1000; i++)
          test.lifecycle.warn(new LastcallError('LASTCALL_DB_LEAK', `${i}`));
      },
      { stage: 'intake' },
    );
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(1000);
    const { warnings } = await stopped;
    expect(warnings).toHaveLength(100);
    expect(warnings[0]).toMatchObject({ message: '0' });
  });
});

describe('shutdown()', () => {
  it('is the same path as a signal, and gives every caller the same promise', async () => {
    const test = createTestLifecycle();
    let calls = 0;
    test.lifecycle.onShutdown(() => void (calls += 1));
    const first = test.lifecycle.shutdown('deploy');
    expect(test.lifecycle.shutdown('again')).toBe(first);
    await test.clock.advance(1000);
    expect(await first).toMatchObject({
      reason: 'deploy',
      signal: null,
      ok: true,
      exit: { signal: null, code: 0 },
    });
    expect(test.lifecycle.shutdown()).toBe(first);
    expect(test.lifecycle.reason).toBe('deploy');
    expect(calls).toBe(1);
    expect(test.end).toEqual({ signal: null, code: 0 });
  });

  it('takes place whatever the reason is', () => {
    for (const reason of [Symbol('deploy'), Object.create(null), null]) {
      const { lifecycle } = createTestLifecycle();
      void lifecycle.shutdown(reason as never);
      expect(lifecycle.state).toBe('wrapping-up');
    }
  });

  it("leaves the process alone with exit: 'none'", async () => {
    const test = createTestLifecycle({ exit: 'none' });
    test.lifecycle.install();
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    expect(test.lifecycle.state).toBe('stopped');
    expect(test.end).toBeNull();
    expect(test.environment.signalHandlerCount('SIGTERM')).toBe(0);
  });

  it("does not say with exit: 'none' that the process is ended", async () => {
    const stoppedBy = async (exit: 'none' | 'code', end: (test: TestLifecycle) => unknown) => {
      const test = createTestLifecycle({ exit });
      test.lifecycle.onShutdown(never, { name: 'hung' });
      void test.lifecycle.shutdown();
      await end(test);
      await test.clock.advance(0);
      return test.events.find(({ type }) => type === 'forceQuit');
    };
    const late = (test: TestLifecycle) => test.clock.advance(5500);
    const twice = (test: TestLifecycle) => [test.kill('SIGTERM'), test.kill('SIGTERM')];
    expect(await stoppedBy('none', late)).toMatchObject({ cause: 'waitTimeMs', livesOn: true });
    expect(await stoppedBy('none', twice)).toMatchObject({ cause: 'signal', livesOn: true });
    expect(await stoppedBy('code', late)).not.toHaveProperty('livesOn');
  });
});

describe('a second signal', () => {
  const stopping = async (secondSignal: 'kill' | 'hammer' | 'ignore') => {
    const test = createTestLifecycle({ secondSignal });
    test.lifecycle.onShutdown(never, { name: 'hung' });
    test.kill('SIGTERM');
    await test.clock.advance(1500);
    test.kill('SIGINT');
    await test.clock.advance(0);
    return test;
  };

  it("kills at once with 'kill', by the signal that began the stop", async () => {
    const test = await stopping('kill');
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
    expect(test.events.find(({ type }) => type === 'forceQuit')).toMatchObject({
      cause: 'signal',
      pending: ['hung'],
    });
    expect(test.events.at(-1)).toMatchObject({
      type: 'report',
      report: { forced: 'signal', durationMs: 1500 },
    });
  });

  it('is the end of the phase or stage that was under way, in the report too', async () => {
    const phasesAt = async (atMs: number) => {
      const test = createTestLifecycle({ exit: 'none' });
      test.lifecycle.onShutdown(never, { name: 'hung' });
      test.kill('SIGTERM');
      await test.clock.advance(atMs);
      test.kill('SIGTERM');
      await test.clock.advance(0);
      const { phases } = await test.lifecycle.shutdown();
      await test.clock.advance(10_000);
      return phases;
    };
    expect(await phasesAt(300)).toEqual([{ phase: 'wrap-up', startMs: 0, endMs: 300 }]);
    expect(await phasesAt(1500)).toEqual([
      { phase: 'wrap-up', startMs: 0, endMs: 1000 },
      { phase: 'intake', startMs: 1000, endMs: 1000 },
      { phase: 'work', startMs: 1000, endMs: 1000 },
      { phase: 'resources', startMs: 1000, endMs: 1500 },
    ]);
  });

  it('leaves the listeners that run one turn to say what they cut, and names those never called', async () => {
    const test = createTestLifecycle();
    const cutting = ({ signal }: { signal: AbortSignal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ drained: 3, cut: ['GET /slow'] }));
      });
    test.lifecycle.onShutdown(cutting, { name: 'web', stage: 'intake' });
    const pool = test.lifecycle.onShutdown(() => {}, { name: 'pool' });
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(1500);
    test.kill('SIGTERM');
    test.kill('SIGTERM');
    await test.clock.advance(0);
    const report = await stopped;
    expect(report).toMatchObject({ ok: false, forced: 'signal' });
    expect(report.listeners).toMatchObject([
      { name: 'web', outcome: 'cut', drained: 3, cut: ['GET /slow'] },
      { name: 'pool', stage: 'resources', outcome: 'late', startMs: null, endMs: null },
    ]);
    await pool.called();
  });

  it("hammers with 'hammer'", async () => {
    const test = await stopping('hammer');
    expect(test.end).toBeNull();
    expect(test.events.find(({ type }) => type === 'hammer')).toMatchObject({
      cause: 'signal',
      atMs: 1500,
    });
  });

  it("changes nothing with 'ignore'", async () => {
    const test = await stopping('ignore');
    expect(test.end).toBeNull();
    expect(test.events.some(({ type }) => type === 'hammer')).toBe(false);
  });

  it('is a first one when the stop began without a signal, and decides how the process ends', async () => {
    const test = createTestLifecycle();
    test.lifecycle.onShutdown(() => {});
    void test.lifecycle.shutdown('deploy');
    test.kill('SIGTERM');
    await test.clock.advance(999);
    expect(test.end).toBeNull();
    await test.clock.advance(1);
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
  });

  it('kills at once also when everything has settled and only the end is left', async () => {
    const test = createTestLifecycle({}, { isListening: false });
    test.environment.flush = never;
    test.lifecycle.onShutdown(() => {});
    test.kill('SIGTERM');
    await test.clock.advance(0);
    expect([test.lifecycle.state, test.end]).toEqual(['stopped', null]);
    test.kill('SIGTERM');
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
  });
});
