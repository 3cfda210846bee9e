import { createTestLifecycle } from '../src/testing';

describe('createTestLifecycle()', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('works where the test has replaced the timers', async () => {
    jest.useFakeTimers();
    const test = createTestLifecycle();
    test.lifecycle.onShutdown(() => Promise.resolve(), { stage: 'intake' });
    test.kill('SIGTERM');
    await test.clock.advance(1000);
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
  });

  it('ends the fake process by a signal that nobody handles', () => {
    const test = createTestLifecycle();
    test.kill('SIGTERM');
    expect(test.end).toEqual({ signal: 'SIGTERM', code: null });
  });

  it('keeps what was written, and runs exit handlers', async () => {
    const test = createTestLifecycle(
      { logger: true },
      { env: { LASTCALL_REPORT: 'report.json' }, isListening: false },
    );
    test.lifecycle.onShutdown(() => {}, { name: 'pool' });
    test.kill('SIGTERM');
    await test.clock.advance(0);
    expect(JSON.parse(test.environment.files.get('report.json') ?? '')).toMatchObject({ ok: true });
    expect(test.environment.stderr).toContain('pool');
    expect(test.environment.exitHandlerCodes).toEqual([143]);
  });
});
