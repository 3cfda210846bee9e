import { createTestLifecycle } from '../src/testing';

const TIMES = { wrapUpTimeMs: 1000, hammerTimeMs: 4500, waitTimeMs: 5500 };

describe('status()', () => {
  it('of a running lifecycle lists the listeners in the order of their call', () => {
    const { lifecycle } = createTestLifecycle();
    lifecycle.onShutdown(() => {}, { name: 'pool' });
    lifecycle.onShutdown(() => {}, { name: 'web', stage: 'intake' });
    lifecycle.onWrapUp(() => {}, { name: 'registry' });
    expect(lifecycle.status()).toEqual({
      state: 'running',
      reason: null,
      signal: null,
      stoppingMs: null,
      stage: null,
      hammerMs: null,
      phases: [],
      listeners: [
        { name: 'registry', phase: 'wrap-up', state: 'waiting', startMs: null, durationMs: null },
        {
          name: 'web',
          phase: 'shutdown',
          stage: 'intake',
          state: 'waiting',
          startMs: null,
          durationMs: null,
        },
        {
          name: 'pool',
          phase: 'shutdown',
          stage: 'resources',
          state: 'waiting',
          startMs: null,
          durationMs: null,
        },
      ],
      health: { ready: false, stopping: false, probes: [] },
      settings: TIMES,
    });
  });

  it('of a stop says which stage runs, and who is waited for', async () => {
    const { lifecycle, clock, kill } = createTestLifecycle();
    lifecycle.onWrapUp(() => {}, { name: 'registry' });
    lifecycle.onShutdown(() => new Promise(() => {}), { name: 'web', stage: 'intake' });
    lifecycle.onShutdown(() => {}, { name: 'pool' });
    kill('SIGTERM');
    expect(lifecycle.status()).toMatchObject({ state: 'wrapping-up', stage: null });
    await clock.advance(1250);
    expect(lifecycle.status()).toMatchObject({
      state: 'shutting-down',
      reason: 'SIGTERM',
      signal: 'SIGTERM',
      stoppingMs: 1250,
      stage: 'intake',
      hammerMs: null,
      phases: [{ phase: 'wrap-up', startMs: 0, endMs: 1000 }],
      listeners: [
        { name: 'registry', state: 'ok' },
        { name: 'web', state: 'running', startMs: 1000, durationMs: 250 },
        { name: 'pool', state: 'waiting' },
      ],
    });
    await clock.advance(3250);
    expect(lifecycle.status()).toMatchObject({ hammerMs: 4500 });
  });

  it('after a stop is what it came to', async () => {
    const { lifecycle, clock } = createTestLifecycle({ exit: 'none' }, { isListening: false });
    lifecycle.onShutdown(() => Promise.reject(new Error('refused')), { name: 'pool' });
    void lifecycle.shutdown('test');
    await clock.advance(10);
    const status = lifecycle.status();
    expect(status).toMatchObject({
      state: 'stopped',
      stage: null,
      listeners: [{ name: 'pool', state: 'failed' }],
    });
    await clock.advance(500);
    expect(lifecycle.status().stoppingMs).toBe(status.stoppingMs);
  });
});
