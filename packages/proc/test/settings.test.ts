import { LastcallError, type SetupOptions } from '../src';
import { createTestLifecycle } from '../src/testing';

describe('setup()', () => {
  it("starts from go-zero's times, ends by the signal and kills on a second one", () => {
    expect(createTestLifecycle().lifecycle.settings).toEqual({
      wrapUpTimeMs: 1000,
      hammerTimeMs: 4500,
      waitTimeMs: 5500,
      exit: 'signal',
      secondSignal: 'kill',
      stopSignals: ['SIGTERM', 'SIGINT'],
      fatalErrors: false,
      name: undefined,
      dumpDir: undefined,
      dumpSignal: 'SIGUSR1',
      profileSignal: 'SIGUSR2',
      watchdog: false,
      logger: false,
    });
  });

  it('during a stop says what it no longer changes, and changes the logger', async () => {
    const test = createTestLifecycle();
    const lines: string[] = [];
    test.lifecycle.onShutdown(() => {
      test.lifecycle.setup({ logger: (event) => void lines.push(event.type) });
      expect(lines).toEqual([]);
      test.lifecycle.setup({ hammerTimeMs: 2000, waitTimeMs: 2500 });
    });
    const stopped = test.lifecycle.shutdown();
    await test.clock.advance(1000);
    const { settings, warnings } = await stopped;
    expect(settings).toMatchObject({ hammerTimeMs: 4500, waitTimeMs: 5500 });
    expect(warnings).toMatchObject([
      { code: 'LASTCALL_NOT_DRAINED' },
      {
        code: 'LASTCALL_SETUP_TOO_LATE',
        message: expect.stringContaining('hammerTimeMs stays 4500, waitTimeMs stays 5500'),
      },
    ]);
    expect(lines).toContain('report');
  });

  it('changes only the fields given', () => {
    const { lifecycle } = createTestLifecycle();
    lifecycle.setup({ wrapUpTimeMs: 2000, waitTimeMs: 30_000 });
    lifecycle.setup({ exit: 'code', waitTimeMs: undefined });
    lifecycle.setup({});
    expect(lifecycle.settings).toMatchObject({
      wrapUpTimeMs: 2000,
      hammerTimeMs: 4500,
      waitTimeMs: 30_000,
      exit: 'code',
    });
  });

  it('takes what options inherit, too', () => {
    const { lifecycle } = createTestLifecycle();
    class Times {
      get wrapUpTimeMs(): number {
        return 2000;
      }
    }
    lifecycle.setup(new Times());
    lifecycle.setup(Object.create({ waitTimeMs: 30_000 }) as SetupOptions);
    expect(lifecycle.settings).toMatchObject({ wrapUpTimeMs: 2000, waitTimeMs: 30_000 });
  });

  it.each<[string, SetupOptions, string, string]>([
    ['a negative time', { wrapUpTimeMs: -1 }, 'LASTCALL_BAD_OPTION', 'wrapUpTimeMs'],
    ['a time that is no number', { hammerTimeMs: '4s' as never }, 'LASTCALL_BAD_OPTION', "'4s'"],
    ['NaN', { waitTimeMs: Number.NaN }, 'LASTCALL_BAD_OPTION', 'NaN'],
    ['more than a timer can wait', { waitTimeMs: 2 ** 31 }, 'LASTCALL_BAD_OPTION', '2147483647'],
    ['times in the wrong order', { waitTimeMs: 2000 }, 'LASTCALL_BAD_TIMES', '1000, 4500, 2000'],
    ['equal times', { wrapUpTimeMs: 4500 }, 'LASTCALL_BAD_TIMES', 'wrapUpTimeMs < hammerTimeMs'],
    [
      'an unknown exit',
      { exit: 'exit' as never },
      'LASTCALL_BAD_OPTION',
      "'signal', 'code', 'none'",
    ],
    [
      'an unknown secondSignal',
      { secondSignal: 'die' as never },
      'LASTCALL_BAD_OPTION',
      "'kill', 'hammer', 'ignore'",
    ],
    ['no stop signal', { stopSignals: [] }, 'LASTCALL_BAD_OPTION', 'stopSignals'],
    [
      'an unknown signal',
      { stopSignals: ['SIGFOO' as never] },
      'LASTCALL_UNKNOWN_SIGNAL',
      "'SIGFOO'",
    ],
    [
      'an uncatchable signal',
      { stopSignals: ['SIGKILL'] },
      'LASTCALL_UNCATCHABLE_SIGNAL',
      'SIGKILL',
    ],
    ['a fault signal', { stopSignals: ['SIGSEGV'] }, 'LASTCALL_UNCATCHABLE_SIGNAL', 'SIGSEGV'],
    [
      'a logger without methods',
      { logger: {} as never },
      'LASTCALL_BAD_OPTION',
      'info(), warn() and error()',
    ],
    ['an unknown option', { waitTime: 5 } as never, 'LASTCALL_BAD_OPTION', "'waitTime'"],
    ['no object', null as never, 'LASTCALL_BAD_OPTION', 'null'],
  ])('rejects %s and keeps the former settings', (_, options, code, part) => {
    const { lifecycle } = createTestLifecycle({ exit: 'code' });
    const former = lifecycle.settings;
    const call = (): void => lifecycle.setup(options);
    expect(call).toThrow(LastcallError);
    expect(call).toThrow(expect.objectContaining({ code, message: expect.stringContaining(part) }));
    expect(lifecycle.settings).toBe(former);
  });

  it('takes the stop signals that it is given', async () => {
    const test = createTestLifecycle();
    test.lifecycle.install();
    test.lifecycle.setup({ stopSignals: ['SIGQUIT'] });
    expect(
      ['SIGTERM', 'SIGINT', 'SIGQUIT'].map((name) =>
        test.environment.signalHandlerCount(name as never),
      ),
    ).toEqual([0, 0, 1]);
    test.kill('SIGQUIT');
    await test.clock.advance(1000);
    expect(test.end).toEqual({ signal: 'SIGQUIT', code: null });
  });
});

describe('the environment', () => {
  const env = {
    LASTCALL_WRAP_UP_TIME_MS: '200',
    LASTCALL_HAMMER_TIME_MS: ' 300 ',
    LASTCALL_WAIT_TIME_MS: '400.5',
  };

  it('wins over setup()', () => {
    const { lifecycle } = createTestLifecycle(
      { wrapUpTimeMs: 2000 },
      {
        env: {
          ...env,
          LASTCALL_EXIT: 'code',
          LASTCALL_SECOND_SIGNAL: 'ignore',
          LASTCALL_FATAL_ERRORS: 'true',
        },
      },
    );
    expect(lifecycle.settings).toMatchObject({
      wrapUpTimeMs: 200,
      hammerTimeMs: 300,
      waitTimeMs: 400.5,
      exit: 'code',
      secondSignal: 'ignore',
      fatalErrors: true,
    });
  });

  it.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
  ])('switches with %s', (text, fatalErrors) => {
    const env = { LASTCALL_FATAL_ERRORS: text };
    const { lifecycle } = createTestLifecycle({ fatalErrors: !fatalErrors }, { env });
    expect(lifecycle.settings.fatalErrors).toBe(fatalErrors);
  });

  it('counts as not set when empty', () => {
    expect(createTestLifecycle({}, { env: { LASTCALL_EXIT: '' } }).lifecycle.settings.exit).toBe(
      'signal',
    );
  });

  it.each([
    ['LASTCALL_WAIT_TIME_MS', '5s', 'LASTCALL_BAD_ENVIRONMENT'],
    ['LASTCALL_WAIT_TIME_MS', '-5', 'LASTCALL_BAD_ENVIRONMENT'],
    ['LASTCALL_WAIT_TIME_MS', '500', 'LASTCALL_BAD_TIMES'],
    ['LASTCALL_EXIT', 'yes', 'LASTCALL_BAD_ENVIRONMENT'],
    ['LASTCALL_FATAL_ERRORS', 'yes', 'LASTCALL_BAD_ENVIRONMENT'],
    ['LASTCALL_WATCHDOG_MS', '-5', 'LASTCALL_BAD_ENVIRONMENT'],
    ['LASTCALL_WATCHDOG_MS', '49', 'LASTCALL_BAD_ENVIRONMENT'],
    ['LASTCALL_WATCHDOG_MS', '600001', 'LASTCALL_BAD_ENVIRONMENT'],
  ])('rejects %s=%s at the first use', (name, value, code) => {
    const test = createTestLifecycle();
    test.environment.variables[name] = value;
    expect(() => test.lifecycle.setup({})).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(value.replace('-', '')) }),
    );
  });

  it('says of the watchdog what its variable may be', () => {
    expect(() => createTestLifecycle({}, { env: { LASTCALL_WATCHDOG_MS: '1e9' } })).toThrow(
      "environment variable LASTCALL_WATCHDOG_MS must be 0 for none, or a number of milliseconds from 50 to 600000, got '1e9'",
    );
  });

  it('is checked against the grace period of the orchestrator', () => {
    const fits = createTestLifecycle({}, { env: { LASTCALL_GRACE_PERIOD_MS: '30000' } });
    fits.lifecycle.install();
    expect(fits.events).toEqual([]);
    const tooLong = createTestLifecycle({}, { env: { LASTCALL_GRACE_PERIOD_MS: '5000' } });
    tooLong.lifecycle.install();
    expect(tooLong.events).toMatchObject([
      { type: 'warning', error: { code: 'LASTCALL_GRACE_TOO_SHORT' } },
    ]);
    const env = { LASTCALL_GRACE_PERIOD_MS: '30s' };
    expect(() => createTestLifecycle({}, { env })).toThrow(
      expect.objectContaining({ code: 'LASTCALL_BAD_ENVIRONMENT' }),
    );
  });
});

it('a bad variable changes nothing, and correcting it makes things right', async () => {
  const test = createTestLifecycle();
  test.lifecycle.install();
  test.environment.variables.LASTCALL_GRACE_PERIOD_MS = 'junk';
  expect(() => test.lifecycle.setup({ waitTimeMs: 6000 })).toThrow(
    expect.objectContaining({ code: 'LASTCALL_BAD_ENVIRONMENT' }),
  );
  expect(test.lifecycle.settings.waitTimeMs).toBe(5500);
  delete test.environment.variables.LASTCALL_GRACE_PERIOD_MS;
  test.lifecycle.setup({ waitTimeMs: 6000 });
  expect(test.environment.signalHandlerCount('SIGTERM')).toBe(1);
  test.kill('SIGTERM');
  expect(test.events.filter(({ type }) => type === 'signal')).toHaveLength(1);
});

describe('signal handlers', () => {
  const count = (test: ReturnType<typeof createTestLifecycle>) =>
    (['SIGTERM', 'SIGINT'] as const).map((name) => test.environment.signalHandlerCount(name));

  it('come with the first listener and leave with the last', () => {
    const test = createTestLifecycle();
    expect(count(test)).toEqual([0, 0]);
    const first = test.lifecycle.onWrapUp(() => {});
    const second = test.lifecycle.onShutdown(() => {});
    expect(count(test)).toEqual([1, 1]);
    first.remove();
    expect(count(test)).toEqual([1, 1]);
    second.remove();
    expect(count(test)).toEqual([0, 0]);
  });

  it('stay after install() until uninstall(), and stay away after that', () => {
    const test = createTestLifecycle();
    const uninstall = test.lifecycle.install();
    test.lifecycle.onShutdown(() => {}).remove();
    expect(count(test)).toEqual([1, 1]);
    uninstall();
    test.lifecycle.onShutdown(() => {});
    expect(count(test)).toEqual([0, 0]);
    test.lifecycle.install();
    expect(count(test)).toEqual([1, 1]);
  });

  it('cannot be taken away during a stop', async () => {
    const test = createTestLifecycle();
    test.lifecycle.onShutdown(() => {});
    test.kill('SIGTERM');
    test.lifecycle.uninstall();
    expect(count(test)).toEqual([1, 1]);
    await test.clock.advance(1000);
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
  });

  it('are those of the platform on Windows, where the process ends with a code', async () => {
    const test = createTestLifecycle({}, { platform: 'win32' });
    test.lifecycle.onShutdown(() => {});
    const names = ['SIGINT', 'SIGBREAK', 'SIGHUP', 'SIGTERM', 'SIGUSR2'] as const;
    test.kill('SIGBREAK');
    expect(names.map((name) => test.environment.signalHandlerCount(name))).toEqual([1, 1, 1, 0, 0]);
    await test.clock.advance(1000);
    expect(test.end).toEqual({ signal: null, code: 0 });
  });

  it('stop the process for the message of a process manager', async () => {
    const test = createTestLifecycle();
    test.lifecycle.onShutdown(() => {});
    test.environment.sendStopMessage();
    await test.clock.advance(1000);
    expect(test.lifecycle.reason).toBe('shutdown message');
    expect(test.end).toEqual({ signal: null, code: 0 });
  });

  it('are not installed in a worker thread, whose stop ends the thread with a code', async () => {
    const test = createTestLifecycle({}, { isMainThread: false });
    test.lifecycle.onShutdown(() => {});
    expect(count(test)).toEqual([0, 0]);
    void test.lifecycle.shutdown();
    await test.clock.advance(1000);
    expect(test.end).toEqual({ signal: null, code: 0 });
  });
});

describe('fatalErrors', () => {
  it('begins the same stop, with exit code 1', async () => {
    const test = createTestLifecycle({ fatalErrors: true });
    let reason: string | undefined;
    test.lifecycle.onShutdown((context) => void (reason = context.reason));
    test.environment.throwUncaught(new Error('boom'), 'unhandledRejection');
    await test.clock.advance(1000);
    expect(reason).toBe('unhandledRejection');
    expect(test.end).toEqual({ signal: null, code: 1 });
    expect(test.events.at(-1)).toMatchObject({ report: { ok: false, fatal: { message: 'boom' } } });
  });

  it('does not break a stop under way, but its exit code shows it', async () => {
    const test = createTestLifecycle({ fatalErrors: true });
    test.lifecycle.onShutdown(() => {}, { name: 'pool' });
    test.kill('SIGTERM');
    test.environment.throwUncaught('not an error');
    await test.clock.advance(1000);
    expect(test.end).toEqual({ signal: null, code: 1 });
    expect(test.events.at(-1)).toMatchObject({
      report: { reason: 'SIGTERM', fatal: { message: 'not an error' } },
    });
  });

  it('is off by default: the error ends the process', () => {
    const test = createTestLifecycle();
    test.lifecycle.install();
    test.environment.throwUncaught(new Error('boom'));
    expect(test.end).toEqual({ signal: null, code: 1 });
  });
});
