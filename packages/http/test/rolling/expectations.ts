import type { InstanceEnd } from './instance';
import type { LoadResult } from './roll';

/** Every request was answered, and reached an instance exactly once: nobody repeated one. */
export function expectNothingLost(load: LoadResult, ends: readonly InstanceEnd[]): void {
  expect(load).toMatchObject({ failed: 0, failures: [] });
  expect(load.sent).toBeGreaterThan(0);
  expect(load.answered).toBe(load.sent);
  expect(ends.reduce((sum, { served }) => sum + served, 0)).toBe(load.sent);
}

/** Every instance ended by the signal it got, on time, and cut nothing. */
export function expectCleanStops(ends: readonly InstanceEnd[]): void {
  for (const { code, signal, report } of ends) {
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGTERM' });
    expect(report).toMatchObject({ ok: true, signal: 'SIGTERM', forced: null, hammerMs: null });
    expect(report.listeners.flatMap(({ cut }) => cut ?? [])).toEqual([]);
  }
}
