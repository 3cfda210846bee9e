import { coreTime, probeSlowdown, slowdownOf } from '../../src/await-sites/core-share';
import { estimateCost, learnCost } from '../../src/await-sites/heap-cost';

const at = (ranMs: number, waitedMs: number) => ({ source: 'scheduler', ranMs, waitedMs }) as const;

describe('slowdownOf()', () => {
  it('is how many times longer everything took than on a core of its own', () => {
    expect(slowdownOf(at(100, 10), at(200, 210))).toBe(3);
    expect(slowdownOf(at(100, 10), at(200, 10))).toBe(1);
  });

  it('is 1 where there is too little to tell it from, or it was told by different sources', () => {
    expect(slowdownOf(at(100, 10), at(101, 13))).toBe(1);
    expect(slowdownOf(at(100, 10), { source: 'usage', ranMs: 1, waitedMs: 5000 })).toBe(1);
  });

  it('is at least 1, also where threads that help have run meanwhile', () => {
    expect(slowdownOf(at(100, 50), at(200, 20))).toBe(1);
  });
});

it('coreTime() goes on with what this thread does', () => {
  const before = coreTime();
  expect(probeSlowdown()).toBeGreaterThanOrEqual(1);
  const after = coreTime();
  expect(after.source).toBe(before.source);
  expect(after.ranMs).toBeGreaterThan(before.ranMs);
});

describe('estimateCost()', () => {
  it('has the promises and the shared core in the pause', () => {
    const alone = estimateCost({ promises: 0, slowdown: 1 });
    const many = estimateCost({ promises: 100_000, slowdown: 1 });
    const shared = estimateCost({ promises: 0, slowdown: 4 });
    // The heap grows a little meanwhile.
    expect(many.pauseMs - alone.pauseMs).toBeGreaterThanOrEqual(1000);
    expect(shared.pauseMs / alone.pauseMs).toBeCloseTo(4, 0);
  });

  it('does not learn from a search on a shared core that the heap costs more', () => {
    const large = { largeBytes: 0, pointers: 0 };
    const real = { ...large, nodes: 1_000_000, liveBytes: 45_000_000, promises: 0 };
    learnCost({ ...real, pauseMs: 4100, slowdown: 1 });
    const before = estimateCost().pauseMs;
    learnCost({ ...real, pauseMs: 4 * 4100, slowdown: 4 });
    expect(estimateCost().pauseMs / before).toBeCloseTo(1, 0);
  });

  it('learns from a search whether large objects hold pointers', () => {
    const real = {
      nodes: 1_000_000,
      liveBytes: 45_000_000,
      pauseMs: 4100,
      promises: 0,
      slowdown: 1,
    };
    const kept = Array.from({ length: 20 }, () => new Array(100_000).fill(real));
    learnCost({ ...real, largeBytes: 16_000_000, pointers: 0 });
    const texts = estimateCost();
    learnCost({ ...real, pauseMs: 4100 + 1600, largeBytes: 16_000_000, pointers: 2_000_000 });
    const pointers = estimateCost();
    expect(pointers.pauseMs - texts.pauseMs).toBeGreaterThanOrEqual(1500);
    expect(pointers.bytes - texts.bytes).toBeGreaterThanOrEqual(200_000_000);
    expect(kept).toHaveLength(20);
  });
});
