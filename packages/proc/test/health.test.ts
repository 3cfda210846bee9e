import { createTestLifecycle } from '../src/testing';

// Counterparts of go-zero's internal/health tests (TestHealthManager, TestComboHealthManager).
describe('health', () => {
  it('is not ready without a probe', () => {
    const { health } = createTestLifecycle().lifecycle;
    expect(health.check()).toEqual({ ready: false, stopping: false, probes: [] });
  });

  it('is ready when all probes are', () => {
    const { health } = createTestLifecycle().lifecycle;
    const probes = Array.from({ length: 10 }, (_, index) => health.addProbe(`probe ${index}`));
    expect(health.isReady()).toBe(false);
    for (const probe of probes) probe.markReady();
    expect(health.isReady()).toBe(true);
    probes[3]?.markNotReady();
    expect(health.isReady()).toBe(false);
    expect(health.check().probes.filter(({ ready }) => !ready)).toEqual([
      { name: 'probe 3', ready: false },
    ]);
    probes[3]?.remove();
    expect(health.isReady()).toBe(true);
  });

  it('is not ready from the first instant of a stop', () => {
    const test = createTestLifecycle();
    test.lifecycle.health.addProbe('web').markReady();
    void test.lifecycle.shutdown();
    expect(test.lifecycle.health.check()).toMatchObject({ ready: false, stopping: true });
  });

  it('frees the name of a removed probe', () => {
    const { health } = createTestLifecycle().lifecycle;
    const first = health.addProbe('web');
    expect(() => health.addProbe('web')).toThrow(
      expect.objectContaining({ code: 'LASTCALL_BAD_PROBE' }),
    );
    first.remove();
    const second = health.addProbe('web');
    first.remove();
    second.markReady();
    expect(health.isReady()).toBe(true);
  });

  it('needs a name for each probe', () => {
    const { health } = createTestLifecycle().lifecycle;
    for (const name of ['', undefined, 7]) {
      expect(() => health.addProbe(name as never)).toThrow(
        expect.objectContaining({ code: 'LASTCALL_BAD_PROBE' }),
      );
    }
  });
});
