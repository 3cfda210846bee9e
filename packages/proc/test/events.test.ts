import type { BlockedLoop, LifecycleEvent, LoggerObject } from '../src';
import { formatEvent, LastcallError } from '../src';
import { createTestLifecycle } from '../src/testing';

describe('events', () => {
  it('tell a stop from its signal to its report', async () => {
    const test = createTestLifecycle();
    test.lifecycle.onWrapUp(() => {}, { name: 'deregister' });
    test.lifecycle.onShutdown(() => ({ drained: 2 }), { name: 'web', stage: 'intake' });
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    const told = test.events.map((event) =>
      event.type === 'state'
        ? `state ${event.state}`
        : 'name' in event
          ? `${event.type} ${event.name}`
          : event.type,
    );
    expect(told).toEqual([
      'signal',
      'state wrapping-up',
      'listenerStart deregister',
      'listenerEnd deregister',
      'state shutting-down',
      'listenerStart web',
      'listenerEnd web',
      'state stopped',
      'report',
    ]);
    expect(test.events[1]).toMatchObject({ previous: 'running', holdMs: 1000, reason: 'SIGTERM' });
    expect(test.events[6]).toMatchObject({
      stage: 'intake',
      outcome: 'ok',
      atMs: 1000,
      drained: 2,
    });
  });

  it('count what was cut by what became of it', async () => {
    const test = createTestLifecycle();
    const cut = [{ outcome: 'rolled back' }, { outcome: 'cut' }, { outcome: 'rolled back' }, null];
    test.lifecycle.onShutdown(() => ({ drained: 2, cut }), { name: 'orders' });
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    const [end] = test.events.filter(({ type }) => type === 'listenerEnd');
    expect(formatEvent(end as LifecycleEvent)?.text).toMatch(
      /2 drained, 4 cut \(2 rolled back, 1 cut\)$/,
    );
  });

  it.each([
    [3, /2 drained, 3 ended, 1 cut$/],
    [0, /2 drained, 1 cut$/],
  ])('count what was ended in order: %i', async (ended, expected) => {
    const test = createTestLifecycle();
    test.lifecycle.onShutdown(() => ({ drained: 2, ended, cut: ['a job'] }), { name: 'calls' });
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    const [end] = test.events.filter(({ type }) => type === 'listenerEnd');
    expect(end).toMatchObject({ ended });
    expect(formatEvent(end as LifecycleEvent)?.text).toMatch(expected);
  });

  it('say of both ages that they are the least, where they are', async () => {
    const test = createTestLifecycle();
    const cut = [{ heldMs: 5, ageAtLeast: true }, { heldMs: 5 }];
    test.lifecycle.onShutdown(() => ({ drained: 0, cut }), { name: 'orders' });
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    const [end] = test.events.filter(({ type }) => type === 'listenerEnd');
    const lines = formatEvent(end as LifecycleEvent)?.details?.split('\n') ?? [];
    expect(lines.slice(1, 3)).toEqual(['      cut: heldMs >= 5', '      cut: heldMs 5']);
  });

  it('do not say twice what a field is', async () => {
    const test = createTestLifecycle();
    const cut = [{ state: 'running', outcome: 'outcome unknown' }];
    test.lifecycle.onShutdown(() => ({ drained: 0, cut }), { name: 'orders' });
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    const [end] = test.events.filter(({ type }) => type === 'listenerEnd');
    expect(formatEvent(end as LifecycleEvent)?.details).toBe(
      '\n      cut: state running, outcome unknown',
    );
  });

  it('list the first of what was cut, a line each', async () => {
    const test = createTestLifecycle();
    const unit = {
      method: 'GET',
      path: '/a\nb?key=secret',
      sql: 'select 1',
      ageMs: 12,
      peer: undefined,
      nested: { a: 1 },
    };
    const long = { path: 'x'.repeat(500) };
    const cut = [unit, long, 'a job', null, { ...unit, ageAtLeast: true }, unit, unit];
    test.lifecycle.onShutdown(() => ({ drained: 0, cut }), { name: 'web' });
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    const [end] = test.events.filter(({ type }) => type === 'listenerEnd');
    const lines = formatEvent(end as LifecycleEvent)?.details?.split('\n') ?? [];
    expect(lines).toEqual([
      '',
      '      cut: method GET, path /a b, ageMs 12',
      `      ${`cut: path ${'x'.repeat(500)}`.slice(0, 200)}`,
      '      cut: a job',
      '      cut: null',
      '      cut: method GET, path /a b, ageMs >= 12',
      '      and 2 more (LASTCALL_REPORT)',
    ]);
  });

  it('carry the warnings of adapters', () => {
    const test = createTestLifecycle();
    const error = new LastcallError('LASTCALL_BAD_OPTION', 'something is wrong');
    test.lifecycle.warn(error);
    expect(test.events).toEqual([{ type: 'warning', error }]);
  });

  it('whose handler throws are reported, and stop nothing', async () => {
    const test = createTestLifecycle();
    test.lifecycle.events.on('state', () => {
      throw new Error('broken handler');
    });
    test.lifecycle.onShutdown(() => {});
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
    expect(test.environment.warnings[0]).toMatchObject({ code: 'LASTCALL_EVENT_HANDLER_FAILED' });
  });

  it('may begin the stop themselves: it is one stop all the same', async () => {
    const test = createTestLifecycle();
    test.lifecycle.events.on('signal', () => void test.lifecycle.shutdown('from a handler'));
    let calls = 0;
    test.lifecycle.onShutdown(() => void (calls += 1));
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    expect(calls).toBe(1);
    expect(test.events.filter(({ type }) => type === 'report')).toHaveLength(1);
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
  });

  it('carry what signal hooks throw', () => {
    const test = createTestLifecycle();
    test.lifecycle.install();
    test.signals.before('SIGTERM', () => {
      throw new Error('broken hook');
    });
    test.kill('SIGTERM');
    expect(test.events[0]).toMatchObject({
      type: 'warning',
      error: { code: 'LASTCALL_SIGNAL_HOOK_FAILED' },
    });
    expect(test.lifecycle.state).toBe('wrapping-up');
  });
});

describe('the logger', () => {
  const refused = Object.assign(new Error('refused', { cause: new Error('no route') }), {
    code: 'ECONN',
  });
  const stopWith = async (logger: Parameters<typeof createTestLifecycle>[0]) => {
    const test = createTestLifecycle(logger);
    test.lifecycle.onShutdown(() => {}, { name: 'web', stage: 'intake' });
    test.lifecycle.onShutdown(() => Promise.reject(refused), { name: 'cache' });
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    return test;
  };

  it('writes short lines to stderr by default', async () => {
    const { environment } = await stopWith({ logger: true });
    const lines = environment.stderr
      .split('\n')
      .filter((line, index, all) => !/^ +at /.test(line) || !/^ +at /.test(all[index - 1] ?? ''));
    expect(lines).toEqual([
      'lastcall: SIGTERM received',
      'lastcall: stopping (SIGTERM), not ready, still serving for 1000 ms',
      'lastcall:   intake    web                  ok          0 ms',
      'lastcall:   resources cache                failed      0 ms  refused (ECONN); caused by: no route',
      expect.stringMatching(/^ {6}at .*events\.test\.ts/),
      'lastcall: stopped after 1000 ms, 2 listeners, 1 of them not ok; ends by SIGTERM',
      '',
    ]);
  });

  it('says in each line which process it is, where several write to one stream', async () => {
    const test = createTestLifecycle({ logger: true }, { env: { LASTCALL_LOG_PID: '1' } });
    test.lifecycle.install();
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    const lines = test.environment.stderr.trimEnd().split('\n');
    for (const line of lines) expect(line).toMatch(/^lastcall\[4242\]: /);
  });

  it('is silent when false', async () => {
    expect((await stopWith({ logger: false })).environment.stderr).toBe('');
  });

  it('may be a function that gets the events', async () => {
    const events: LifecycleEvent[] = [];
    const test = await stopWith({ logger: (event) => void events.push(event) });
    expect(events).toEqual(test.events);
  });

  it('may be like pino', async () => {
    const lines: [string, object, string][] = [];
    const method = (level: string) => (fields: object, text: string) =>
      void lines.push([level, fields, text]);
    const logger: LoggerObject = {
      info: method('info'),
      warn: method('warn'),
      error: method('error'),
    };
    await stopWith({ logger });
    expect(lines.map(([level]) => level)).toEqual(['info', 'info', 'info', 'error', 'error']);
    expect(lines[3]).toEqual([
      'error',
      {
        lastcall: expect.objectContaining({ type: 'listenerEnd', name: 'cache' }),
        err: expect.any(Error),
      },
      expect.stringContaining('refused'),
    ]);
  });

  it('like pino gets no SQL and no query strings: those are for the report', async () => {
    const written: object[] = [];
    const method = (fields: object) => void written.push(fields);
    const test = createTestLifecycle({ logger: { info: method, warn: method, error: method } });
    const cut = [{ method: 'GET', path: '/a?token=secret', sql: 'secret 1', ageMs: 12 }, 'job 7'];
    test.lifecycle.onShutdown(() => ({ drained: 0, cut }), { name: 'web' });
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    expect(JSON.stringify(written)).not.toContain('secret');
    const [end] = written.filter((fields) => JSON.stringify(fields).includes('listenerEnd'));
    const bare = [{ method: 'GET', path: '/a', ageMs: 12 }, 'job 7'];
    expect(end).toMatchObject({ lastcall: { name: 'web', cut: bare } });
    expect(test.events.at(-1)).toMatchObject({ report: { listeners: [{ cut }] } });
  });

  it('like pino gets the first hundred of what was cut, and how many there were', async () => {
    const written: [object, string][] = [];
    const method = (fields: object, text: string) => void written.push([fields, text]);
    const test = createTestLifecycle({ logger: { info: method, warn: method, error: method } });
    const cut = Array.from({ length: 5000 }, (_, id) => ({ id }));
    test.lifecycle.onShutdown(() => ({ drained: 0, cut }), { name: 'web' });
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    const first = cut.slice(0, 100);
    const [fields, text] = written.find(([, line]) => line.includes('web')) ?? [];
    expect(text).toMatch(/0 drained, 5000 cut$/);
    expect(fields).toMatchObject({ lastcall: { cut: first } });
    expect(written.at(-1)?.[0]).toMatchObject({
      lastcall: { report: { listeners: [{ cut: first }] } },
    });
  });

  it('that throws stops nothing', async () => {
    const test = await stopWith({
      logger: () => {
        throw new Error('broken logger');
      },
    });
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
    expect(test.environment.warnings.length).toBeGreaterThan(0);
  });
});

it('a logger that rejects stops nothing', async () => {
  const test = createTestLifecycle({
    logger: (async () => Promise.reject(new Error('no disk'))) as never,
  });
  test.lifecycle.onShutdown(() => {}, { stage: 'intake' });
  test.kill('SIGTERM');
  await test.clock.advance(1000);
  expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
  expect(test.environment.warnings[0]).toMatchObject({ code: 'LASTCALL_EVENT_HANDLER_FAILED' });
});

describe('formatEvent()', () => {
  const forceQuit = {
    type: 'forceQuit',
    atMs: 5500,
    pending: ['pool', 'web'],
    notCalled: [],
    resources: { TCPSocketWrap: 3, Timeout: 1 },
  } as const;

  it('names what hangs and what keeps the process alive', () => {
    expect(formatEvent({ ...forceQuit, cause: 'waitTimeMs' })?.text).toBe(
      'still alive, the process is ended (waitTimeMs) at 5500 ms; not settled: pool, web; kept alive by: TCPSocketWrap x3, Timeout x1',
    );
  });

  it('names no more of thousands than a line has room for', () => {
    const pending = Array.from({ length: 20_000 }, (_, i) => `job#${i + 1}`);
    const { text = '' } = formatEvent({ ...forceQuit, pending, cause: 'signal' }) ?? {};
    expect(text).toContain('not settled: job#1, job#2, ');
    expect(text).toMatch(/, job#50 and 19950 more$/);
  });

  it('says that nothing but the stop keeps the process alive where nothing is open', () => {
    const { resources: _, ...rest } = forceQuit;
    expect(formatEvent({ ...rest, cause: 'waitTimeMs', resources: {} })?.text).toBe(
      'still alive, the process is ended (waitTimeMs) at 5500 ms; not settled: pool, web; kept alive by: the stop alone, which waited (nothing is open)',
    );
  });

  it.each([
    ['waitTimeMs', 'the stop is given up, the process lives on (waitTimeMs) at 5500 ms;'],
    ['signal', 'the stop is given up, the process lives on (a second signal) at 5500 ms;'],
  ] as const)(
    "does not say that a process is ended that lives on (exit: 'none', %s)",
    (cause, text) => {
      expect(formatEvent({ ...forceQuit, cause, livesOn: true })?.text).toContain(text);
    },
  );

  it('says what is in flight', () => {
    const inFlight = { 'http request': 2, job: 1 };
    expect(formatEvent({ ...forceQuit, cause: 'signal', inFlight })?.text).toBe(
      'killed by a second signal at 5500 ms; not settled: pool, web; in flight: http request x2, job x1',
    );
  });

  it('says where the sockets lead that keep the process alive, those of which there are most', () => {
    const sockets = { '10.0.0.1:1': 1, '10.0.0.5:5432': 8, b: 1, c: 1, d: 1, e: 1 };
    expect(formatEvent({ ...forceQuit, cause: 'waitTimeMs', sockets })?.text).toMatch(
      /kept alive by: TCPSocketWrap x3, Timeout x1 \(sockets: 10\.0\.0\.5:5432 x8, 10\.0\.0\.1:1 x1, b x1, c x1, d x1, …\)$/,
    );
  });

  it('says of each forced end why it came, and what was never called', () => {
    expect(formatEvent({ ...forceQuit, cause: 'signal', notCalled: ['logs'] })?.text).toBe(
      'killed by a second signal at 5500 ms; not settled: pool, web; never called: logs',
    );
    expect(formatEvent({ ...forceQuit, cause: 'exit' })?.text).toMatch(
      /^process\.exit\(\) was called during the stop, or an error was not caught/,
    );
  });

  it('says who called process.exit(), where somebody did', () => {
    const stack =
      'Error\n    at quit (/app/quit.js:3:4)\n    at process.emit (node:events:1:2)\n    at #emit (/app/node_modules/@lastcall/http/dist/request-gate.js:1:2)\n    at main (/app/main.js:1:2)';
    const line = formatEvent({ ...forceQuit, cause: 'exit', stack });
    expect(line?.text).toMatch(/^process\.exit\(\) was called during the stop at 5500 ms/);
    expect(line?.details).toBe(
      '\n      at quit (/app/quit.js:3:4)\n      at main (/app/main.js:1:2)',
    );
  });

  it('shows what kind of error it was, and of a fatal one every stack', () => {
    const cause = new RangeError('too long');
    cause.stack = 'RangeError: too long\n    at parse (/app/parse.js:1:2)';
    const error = new TypeError('not a name', { cause });
    const frames = [1, 2, 3, 4, 5].map((line) => `    at load (/app/load.js:${line}:1)`);
    error.stack = ['TypeError: not a name', ...frames].join('\n');
    const line = formatEvent({ type: 'fatal', error, origin: 'uncaughtException' });
    expect(line?.text).toBe(
      'uncaughtException: TypeError: not a name; caused by: RangeError: too long',
    );
    expect(line?.details?.split('\n').slice(1)).toEqual([
      ...frames.map((frame) => `  ${frame}`),
      '    caused by: RangeError: too long',
      '      at parse (/app/parse.js:1:2)',
    ]);
  });

  it.each([
    ['', 'info', 'process 7 is gone; this one leads'],
    [
      'supervisor',
      'error',
      'lastcall run (process 7) is gone: this one serves on, and nobody replaces it or starts it anew',
    ],
  ])('says who is gone, and what that means: %j', (reason, level, text) => {
    const event = { type: 'upgrade', step: 'parent-gone', generation: 2, reason, pid: 7, atMs: 0 };
    expect(formatEvent(event as LifecycleEvent)).toMatchObject({ level, text });
  });

  it('shows what an AggregateError collects, in one line', () => {
    const error = new AggregateError([new Error('v4 refused'), new Error('v6\nrefused')], '');
    const event = {
      type: 'listenerEnd',
      name: 'db',
      phase: 'shutdown',
      stage: 'resources',
      atMs: 0,
      durationMs: 0,
    } as const;
    expect(formatEvent({ ...event, outcome: 'failed', error })?.text).toContain(
      'AggregateError [v4 refused; v6 refused]',
    );
  });
});

it.each<[string, object]>([
  ['a stack that is no text, as with Error.prepareStackTrace', { stack: [{}] }],
  ['a message that is no text', { message: { toString: () => 'refused' } }],
])('an error with %s has its line', (_, parts) => {
  const error = Object.assign(new Error('refused'), parts);
  const event = {
    type: 'listenerEnd',
    name: 'db',
    phase: 'shutdown',
    atMs: 0,
    durationMs: 0,
  } as const;
  const line = formatEvent({ ...event, outcome: 'failed', error });
  expect(line?.text).toMatch(/ db .* refused$/);
});

describe('the line of a blocked event loop', () => {
  const block: BlockedLoop = {
    at: 0,
    blockedMs: 958.4,
    isOver: true,
    phase: 'running',
    stack: [
      { functionName: 'pbkdf2Sync', file: 'node:crypto', line: 78, column: 17 },
      { functionName: 'hashOf', file: '/app/login.ts', line: 12, column: 20 },
    ],
    stackPrecision: 'exact',
    nativeState: null,
    profile: null,
    files: ['/tmp/block.txt'],
  };
  const lineOf = (change: Partial<BlockedLoop>): string | undefined =>
    formatEvent({ type: 'blocked', block: { ...block, ...change } })?.text;

  it('names the function of the program, and the files', () => {
    expect(lineOf({})).toBe(
      'event loop blocked for 958 ms by hashOf (/app/login.ts:12); /tmp/block.txt',
    );
  });

  it('says when it was, and what is known without a stack', () => {
    expect(lineOf({ stack: [], files: [], nativeState: 'waiting', phase: 'starting' })).toBe(
      'event loop blocked for 958 ms during the start, in native code that was waiting',
    );
    expect(lineOf({ stack: [], files: [], phase: 'stopping' })).toBe(
      'event loop blocked for 958 ms during the stop',
    );
  });
});
