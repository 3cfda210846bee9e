import type { Registration } from '../src';
import { LastcallError } from '../src';
import { createTestLifecycle } from '../src/testing';

const never = (): Promise<never> => new Promise(() => {});

/** Stops a lifecycle where nothing listens, lets `ms` pass, and returns the report. */
async function stop(test: ReturnType<typeof createTestLifecycle>, ms = 0) {
  const stopped = test.lifecycle.shutdown();
  await test.clock.advance(ms);
  return stopped;
}

const quick = (setup = {}) =>
  createTestLifecycle({ exit: 'code', ...setup }, { isListening: false });

describe('a listener', () => {
  it('that throws or rejects is reported, the others run, and the exit code shows it', async () => {
    const test = quick();
    const ran: string[] = [];
    test.lifecycle.onWrapUp(
      () => {
        throw new Error('no registry');
      },
      { name: 'deregister' },
    );
    test.lifecycle.onShutdown(() => Promise.reject(new TypeError('no pool')), { name: 'pool' });
    test.lifecycle.onShutdown(() => Promise.reject('just text'), { name: 'cache' });
    test.lifecycle.onShutdown(() => void ran.push('logs'), { name: 'logs', stage: 'telemetry' });
    const report = await stop(test);
    expect(ran).toEqual(['logs']);
    expect(report.listeners).toMatchObject([
      { name: 'deregister', outcome: 'failed', error: { message: 'no registry' } },
      { name: 'pool', outcome: 'failed', error: { name: 'TypeError', message: 'no pool' } },
      { name: 'cache', outcome: 'failed', error: { message: 'just text' } },
      { name: 'logs', outcome: 'ok' },
    ]);
    await test.clock.advance(0);
    expect(test.end).toEqual({ signal: null, code: 1 });
  });

  it('that does not settle within its timeoutMs is late, after a grace to obey its signal', async () => {
    const test = quick();
    const reasons: unknown[] = [];
    test.lifecycle.onShutdown(
      ({ signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        return never();
      },
      { name: 'hung', timeoutMs: 100 },
    );
    test.lifecycle.onShutdown(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
      { name: 'obeys', timeoutMs: 100 },
    );
    test.lifecycle.onShutdown(() => {}, { name: 'logs', stage: 'telemetry' });
    const report = await stop(test, 350);
    expect(reasons).toMatchObject([{ code: 'LASTCALL_LISTENER_TIMEOUT' }]);
    expect(report.durationMs).toBe(350);
    expect(report.listeners).toMatchObject([
      { name: 'hung', outcome: 'late', endMs: null },
      { name: 'obeys', outcome: 'cut', endMs: 100 },
      { name: 'logs', outcome: 'ok', startMs: 350 },
    ]);
  });

  it('reports what it drained and cut, and cutting something is not ok', async () => {
    const test = quick();
    const cut = [{ method: 'GET', path: '/slow' }];
    test.lifecycle.onShutdown(() => ({ drained: 7, cut: [] }), { name: 'web' });
    test.lifecycle.onShutdown(async () => ({ drained: 1, ended: 2, cut }), { name: 'api' });
    const report = await stop(test);
    expect(report.listeners).toMatchObject([
      { name: 'web', outcome: 'ok', drained: 7, cut: [] },
      { name: 'api', outcome: 'cut', drained: 1, ended: 2, cut },
    ]);
    expect(report.ok).toBe(false);
  });

  it('is called with its context at most once, also when both a signal and shutdown() ask', async () => {
    const test = quick();
    const contexts: unknown[] = [];
    test.lifecycle.onShutdown((context) => void contexts.push(context));
    test.kill('SIGTERM');
    void test.lifecycle.shutdown();
    await test.clock.advance(0);
    expect(contexts).toEqual([
      {
        signal: expect.any(AbortSignal),
        reason: 'SIGTERM',
        deadline: test.environment.wallClock() + 4500,
      },
    ]);
  });

  it('may have the name of another; the report tells them apart', async () => {
    const test = quick();
    const first = test.lifecycle.onShutdown(() => {}, { name: 'db' });
    const second = test.lifecycle.onShutdown(() => {}, { name: 'db' });
    test.lifecycle.onShutdown(function flush() {});
    test.lifecycle.onShutdown(() => {});
    expect([first.name, second.name]).toEqual(['db', 'db#2']);
    const report = await stop(test);
    expect(report.listeners.map(({ name }) => name)).toEqual(['db', 'db#2', 'flush', 'anonymous']);
  });
});

describe('a listener with hostile manners', () => {
  const evil = (key: string): object =>
    Object.defineProperty(new Error('evil'), key, {
      get() {
        throw new Error('gotcha');
      },
    });
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const many = (errors: unknown): Error =>
    Object.assign(new AggregateError([], 'many'), { errors });
  /** Throws from the second look on. */
  const fleeting = (key: string): Error => {
    let looks = 0;
    return Object.defineProperty(new Error('evil'), key, {
      get() {
        looks += 1;
        if (looks > 1) throw new Error('gotcha');
        return 'evil';
      },
    });
  };
  const uncountable = new Proxy([1], {
    get(target, key) {
      if (key === 'length') throw new Error('gotcha');
      return Reflect.get(target, key);
    },
  });

  it.each<[string, () => unknown]>([
    [
      'a summary that throws',
      async () => ({
        get drained() {
          throw new Error('gotcha');
        },
      }),
    ],
    ...['code', 'stack', 'message', 'name', 'cause'].map((key): [string, () => unknown] => [
      `an error whose ${key} throws`,
      () => Promise.reject(evil(key)),
    ]),
    ...['stack', 'message', 'name'].map((key): [string, () => unknown] => [
      `an error whose ${key} can be read once`,
      () => Promise.reject(fleeting(key)),
    ]),
    ['a list of what was cut that throws', async () => ({ cut: uncountable })],
    ['a revoked proxy', () => Promise.reject(revoked.proxy)],
    ['a revoked list of errors', () => Promise.reject(many(revoked.proxy))],
    ['a list of errors with a revoked one', () => Promise.reject(many([revoked.proxy]))],
    ['an object without a prototype', () => Promise.reject(Object.create(null))],
  ])('fails alone: %s', async (_, listener) => {
    const test = quick();
    test.lifecycle.onShutdown(listener, { name: 'evil' });
    test.lifecycle.onShutdown(() => {}, { name: 'other', stage: 'telemetry' });
    const { listeners } = await stop(test);
    expect(listeners.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['evil', 'failed'],
      ['other', 'ok'],
    ]);
  });

  it('has its message in the report whatever caused it', async () => {
    const test = quick();
    const cause = Object.create(null) as object;
    test.lifecycle.onShutdown(() => Promise.reject(new Error('no pool', { cause })));
    expect((await stop(test)).listeners).toMatchObject([{ error: { message: 'no pool' } }]);
  });

  it('settles once, whatever its thenable does', async () => {
    const test = quick();
    const twice = Object.assign(() => {}, {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
      then(resolve: (value: unknown) => void, reject: (error: Error) => void) {
        resolve({ drained: 1 });
        resolve({ drained: 2 });
        reject(new Error('late'));
      },
    });
    test.lifecycle.onShutdown(() => twice);
    const [report] = (await stop(test)).listeners;
    expect(report).toMatchObject({ outcome: 'ok', drained: 1 });
    expect(report?.error).toBeUndefined();
  });

  it('has its report in a file with its pid in the name, where that is asked for', async () => {
    const test = createTestLifecycle(
      { exit: 'none' },
      { isListening: false, env: { LASTCALL_REPORT: 'reports/%p-of-%p.json' } },
    );
    test.lifecycle.onShutdown(() => {});
    await stop(test);
    const { pid } = test.environment;
    expect([...test.environment.files.keys()]).toEqual([`reports/${pid}-of-${pid}.json`]);
  });

  it('does not cost the report when what it cut is no JSON', async () => {
    const test = createTestLifecycle(
      { exit: 'none' },
      { isListening: false, env: { LASTCALL_REPORT: 'r.json' } },
    );
    const circle: unknown[] = [];
    circle.push(circle);
    test.lifecycle.onShutdown(() => ({ drained: 4, cut: circle }), { name: 'web' });
    await stop(test);
    const written = JSON.parse(test.environment.files.get('r.json') ?? '') as {
      listeners: unknown[];
    };
    expect(written.listeners).toMatchObject([
      { name: 'web', drained: 4, cut: [expect.any(String)] },
    ]);
  });
});

it('a name that is no text is none', async () => {
  const test = quick();
  for (const name of [Symbol('job'), () => 'job', 5]) {
    test.lifecycle.onShutdown(Object.defineProperty(() => {}, 'name', { value: name }));
  }
  const { listeners } = await stop(test);
  expect(listeners.map(({ name }) => name)).toEqual(['anonymous', 'anonymous#2', 'anonymous#3']);
});

it('names are unique, also beside one that looks like a numbered one', () => {
  const { lifecycle } = createTestLifecycle();
  const names = ['x', 'x', 'x#2', 'x'].map((name) => lifecycle.onShutdown(() => {}, { name }).name);
  expect(new Set(names).size).toBe(4);
  expect(names.slice(0, 2)).toEqual(['x', 'x#2']);
});

describe('a registration', () => {
  it('removes its listener, once', async () => {
    const test = quick();
    let calls = 0;
    const registration = test.lifecycle.onShutdown(() => void (calls += 1), { name: 'db' });
    expect(registration.remove()).toBe(true);
    expect(registration.remove()).toBe(false);
    await registration.called();
    expect(test.lifecycle.onShutdown(() => {}, { name: 'db' }).name).toBe('db');
    const report = await stop(test);
    expect([calls, report.listeners.length]).toEqual([0, 1]);
  });

  it('resolves called() when the listener has settled, whatever the outcome', async () => {
    const test = quick();
    const order: string[] = [];
    const slow = test.lifecycle.onShutdown(
      () =>
        new Promise((_, reject) => {
          test.clock.setTimer(() => reject(new Error('broken')), 50);
        }),
    );
    const waiting = slow.called().then(() => order.push('called'));
    void test.lifecycle.shutdown().then(() => order.push('stopped'));
    await test.clock.advance(49);
    expect(order).toEqual([]);
    await test.clock.advance(1);
    await waiting;
    expect(order).toEqual(['called', 'stopped']);
    await slow.called();
  });

  it('can be removed while the stop runs, before its stage comes', async () => {
    const test = quick();
    let calls = 0;
    const pool = test.lifecycle.onShutdown(() => void (calls += 1), { name: 'pool' });
    test.lifecycle.onShutdown(() => void pool[Symbol.dispose](), { name: 'web', stage: 'intake' });
    const report = await stop(test);
    expect([calls, report.listeners.map(({ name }) => name)]).toEqual([0, ['web']]);
  });
});

describe('a listener registered during the stop', () => {
  it('runs at once when its phase or stage runs or is over, and the stop waits for it', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    const log: string[] = [];
    const noting = (name: string) => () =>
      new Promise<void>((resolve) =>
        test.clock.setTimer(() => resolve(void log.push(`${name} ${test.clock.now}`)), 10),
      );
    test.lifecycle.onWrapUp(() => void test.lifecycle.onWrapUp(noting('wrap-up in wrap-up')));
    test.lifecycle.onShutdown(
      () => {
        test.lifecycle.onWrapUp(noting('wrap-up in work'));
        test.lifecycle.onShutdown(noting('intake in work'), { stage: 'intake' });
        test.lifecycle.onShutdown(noting('work in work'), { stage: 'work' });
        test.lifecycle.onShutdown(noting('telemetry in work'), { stage: 'telemetry' });
      },
      { stage: 'work' },
    );
    const report = await stop(test, 1020);
    expect(log).toEqual([
      'wrap-up in wrap-up 10',
      'wrap-up in work 1010',
      'intake in work 1010',
      'work in work 1010',
      'telemetry in work 1020',
    ]);
    expect(report.ok).toBe(true);
    test.lifecycle.onShutdown(noting('after the end'));
    await test.clock.advance(10);
    expect(log.at(-1)).toBe('after the end 1030');
  });

  it('cannot hold the process beyond waitTimeMs by registering for ever', async () => {
    const test = quick();
    let calls = 0;
    const again = (): void => {
      calls += 1;
      if (test.lifecycle.state !== 'stopped') test.lifecycle.onShutdown(again);
    };
    again();
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(5500);
    expect(await stopped).toMatchObject({ forced: 'waitTimeMs' });
    expect(calls).toBeGreaterThan(2);
  });

  it('can be removed by the caller before it runs', async () => {
    const test = createTestLifecycle({ exit: 'none' });
    let calls = 0;
    test.lifecycle.onShutdown(() => {
      test.lifecycle.onShutdown(() => void (calls += 1)).remove();
    });
    await stop(test, 1000);
    expect(calls).toBe(0);
  });
});

describe('a listener that waits for another', () => {
  it('of its stage gets it', async () => {
    const test = quick();
    const order: string[] = [];
    test.lifecycle.onShutdown(async () => {
      await flush.called();
      order.push('close');
    });
    const flush = test.lifecycle.onShutdown(
      () =>
        new Promise<void>((resolve) => {
          test.clock.setTimer(() => resolve(void order.push('flush')), 20);
        }),
    );
    expect(await stop(test, 20)).toMatchObject({ ok: true });
    expect(order).toEqual(['flush', 'close']);
  });

  it.each([
    [
      'itself',
      (test: ReturnType<typeof quick>, wait: (of: () => Registration) => () => Promise<void>) => {
        const own: Registration = test.lifecycle.onShutdown(
          wait(() => own),
          { name: 'waiter' },
        );
      },
    ],
    [
      'one of a later stage',
      (test: ReturnType<typeof quick>, wait: (of: () => Registration) => () => Promise<void>) => {
        test.lifecycle.onShutdown(
          wait(() => logs),
          { name: 'waiter', stage: 'intake' },
        );
        const logs = test.lifecycle.onShutdown(() => {}, { stage: 'telemetry' });
      },
    ],
    [
      'one that waits for it',
      (test: ReturnType<typeof quick>, wait: (of: () => Registration) => () => Promise<void>) => {
        const b: Registration = test.lifecycle.onShutdown(
          async () => {
            await a.called();
          },
          { name: 'b' },
        );
        const a: Registration = test.lifecycle.onShutdown(
          wait(() => b),
          { name: 'waiter' },
        );
      },
    ],
    [
      'one of a later stage, in the wrap-up',
      (test: ReturnType<typeof quick>, wait: (of: () => Registration) => () => Promise<void>) => {
        test.lifecycle.onWrapUp(
          wait(() => logs),
          { name: 'waiter' },
        );
        const logs = test.lifecycle.onShutdown(() => {}, { stage: 'telemetry' });
      },
    ],
  ])('%s is told so, and nothing hangs', async (_, arrange) => {
    const test = quick();
    const errors: unknown[] = [];
    arrange(test, (of) => async () => {
      // The wait comes after a turn of its own: who waits is known by the async context, not by the call stack.
      await Promise.resolve();
      await of()
        .called()
        .catch((error: unknown) => void errors.push(error));
    });
    const report = await stop(test);
    expect(report).toMatchObject({ ok: true, durationMs: 0, hammerMs: null });
    expect(errors).toMatchObject([
      { code: 'LASTCALL_DEADLOCK', message: expect.stringContaining("'waiter'") },
    ]);
  });

  it('is not looked for in a leaf, which is not taken for the listener that registered it', async () => {
    const test = quick();
    const outer = () =>
      new Promise<void>((resolve) => {
        const leaf = async () => {
          await Promise.resolve();
          void test.lifecycle.shutdown();
          resolve();
        };
        test.lifecycle.onShutdown(leaf, { leaf: true });
      });
    test.lifecycle.onShutdown(outer);
    expect(await stop(test)).toMatchObject({ ok: true, hammerMs: null });
    expect(test.events).not.toContainEqual(expect.objectContaining({ type: 'warning' }));
  });

  it('through shutdown() ends at waitTimeMs at the latest, and is named', async () => {
    const test = quick();
    test.lifecycle.onShutdown(() => test.lifecycle.shutdown(), { name: 'circular' });
    const report = await stop(test, 5500);
    expect(report.listeners).toMatchObject([{ name: 'circular', outcome: 'late' }]);
    expect(test.events).toContainEqual({
      type: 'warning',
      error: expect.objectContaining({
        code: 'LASTCALL_DEADLOCK',
        message: expect.stringContaining("'circular'"),
      }),
    });
  });
});

describe('bad input', () => {
  const { lifecycle } = createTestLifecycle();
  it.each([
    [
      'a listener that is no function',
      () => lifecycle.onShutdown('close' as never),
      'LASTCALL_BAD_LISTENER',
      "'close'",
    ],
    [
      'a wrap-up listener that is no function',
      () => lifecycle.onWrapUp(undefined as never),
      'LASTCALL_BAD_LISTENER',
      'onWrapUp',
    ],
    [
      'an unknown stage',
      () => lifecycle.onShutdown(() => {}, { stage: 'database' as never }),
      'LASTCALL_UNKNOWN_STAGE',
      'intake, work, resources, telemetry',
    ],
    [
      'a negative timeoutMs',
      () => lifecycle.onShutdown(() => {}, { timeoutMs: -1 }),
      'LASTCALL_BAD_OPTION',
      'timeoutMs',
    ],
    [
      'a leaf that is no boolean',
      () => lifecycle.onWrapUp(() => {}, { leaf: 'yes' as never }),
      'LASTCALL_BAD_OPTION',
      'leaf',
    ],
    [
      'a timeoutMs that is no number',
      () => lifecycle.onShutdown(() => {}, { timeoutMs: '5s' as never }),
      'LASTCALL_BAD_OPTION',
      "'5s'",
    ],
    [
      'an empty name',
      () => lifecycle.onShutdown(() => {}, { name: '' }),
      'LASTCALL_BAD_OPTION',
      'name',
    ],
    [
      'an unknown option',
      () => lifecycle.onShutdown(() => {}, { timeout: 5 } as never),
      'LASTCALL_BAD_OPTION',
      "'timeout'",
    ],
    [
      'a stage for a wrap-up listener',
      () => lifecycle.onWrapUp(() => {}, { stage: 'work' } as never),
      'LASTCALL_BAD_OPTION',
      "'stage'",
    ],
    [
      'null options',
      () => lifecycle.onShutdown(() => {}, null as never),
      'LASTCALL_BAD_OPTION',
      'null',
    ],
  ])('%s gets a coded error at the call', (_, call, code, part) => {
    expect(call).toThrow(LastcallError);
    expect(call).toThrow(expect.objectContaining({ code, message: expect.stringContaining(part) }));
  });
});
