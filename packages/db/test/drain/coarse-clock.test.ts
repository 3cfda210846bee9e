import { eventually } from '../../../../tools/eventually';
import { CoarseClock } from '../../src/drain/coarse-clock';

describe('CoarseClock', () => {
  it('is exact as long as it is asked now and then', () => {
    const clock = new CoarseClock();
    for (let i = 0; i < 20; i++) {
      const before = performance.now();
      const now = clock.now();
      expect(now).toBeGreaterThanOrEqual(before);
      expect(now).toBeLessThanOrEqual(performance.now());
    }
    clock.stop();
  });

  it('stands still between its ticks when it is asked all the time, and never runs ahead or back', async () => {
    const clock = new CoarseClock();
    const busy = (): number[] => Array.from({ length: 1000 }, () => clock.now());
    const first = busy();
    expect(new Set(first).size).toBeLessThan(1000);
    expect(first).toEqual(first.toSorted((a, b) => a - b));
    expect(first.at(-1)).toBeLessThanOrEqual(performance.now());
    const seen: number[] = [];
    await eventually(
      () => seen.push(...busy()),
      () => (seen.at(-1) as number) > (first.at(-1) as number),
    );
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    clock.stop();
  });

  it('is exact again once it is not asked so much', async () => {
    const clock = new CoarseClock();
    for (let i = 0; i < 1000; i++) clock.now();
    await eventually(
      () => performance.now() <= clock.now(),
      (isExact) => isExact,
    );
    clock.stop();
  });

  it('goes on after it was stopped', () => {
    const clock = new CoarseClock();
    for (let i = 0; i < 1000; i++) clock.now();
    clock.stop();
    const before = performance.now();
    expect(clock.now()).toBeGreaterThanOrEqual(before);
  });
});
