import { LoopObserver } from '../../src/watchdog/loop-observer';

/** Looks every 25 ms from `from` to `to`, and returns what was not 'none'. */
function looks(observer: LoopObserver, from: number, to: number, beatMs: number): object[] {
  const changes: object[] = [];
  for (let now = from; now <= to; now += 25) {
    const change = observer.look(now, beatMs);
    if (change.kind !== 'none') changes.push(change);
  }
  return changes;
}

describe('LoopObserver', () => {
  it('sees a block begin when the beat is late by the threshold, and end with the next beat', () => {
    const observer = new LoopObserver(100, 25, 0);
    expect(looks(observer, 0, 100, 0)).toEqual([]);
    expect(looks(observer, 125, 1000, 0)).toEqual([{ kind: 'began', beatMs: 0, lateMs: 100 }]);
    expect(observer.look(1025, 1010)).toEqual({ kind: 'ended', beatMs: 0, blockedMs: 985 });
    expect(looks(observer, 1050, 1100, 1010)).toEqual([]);
  });

  it('does not count time in which nobody looked', () => {
    const observer = new LoopObserver(100, 25, 0);
    looks(observer, 0, 50, 50);
    expect(observer.look(10_000, 50)).toEqual({ kind: 'none' });
    expect(looks(observer, 10_025, 10_075, 50)).toEqual([]);
    expect(looks(observer, 10_100, 10_150, 50)).toHaveLength(1);
  });

  it('does not count time before a first look that comes late', () => {
    const observer = new LoopObserver(100, 25, 0);
    expect(observer.look(5000, 0)).toEqual({ kind: 'none' });
    expect(looks(observer, 5025, 5075, 0)).toEqual([]);
  });

  it('does not count the time of a suspension within a block', () => {
    const observer = new LoopObserver(100, 25, 0);
    looks(observer, 0, 500, 0);
    observer.look(60_500, 0);
    expect(observer.look(60_525, 60_510)).toEqual({ kind: 'ended', beatMs: 0, blockedMs: 485 });
  });

  it('forgets a block that is pardoned, and sees what comes after', () => {
    const observer = new LoopObserver(100, 25, 0);
    looks(observer, 0, 500, 0);
    observer.pardon(500, 0);
    expect(looks(observer, 525, 575, 0)).toEqual([]);
    expect(looks(observer, 600, 600, 0)).toEqual([{ kind: 'began', beatMs: 0, lateMs: 100 }]);
  });

  it('does not take its own work for a suspension', () => {
    const observer = new LoopObserver(100, 25, 0);
    looks(observer, 0, 100, 0);
    observer.skipGap(1000);
    expect(observer.look(1025, 0)).toMatchObject({ kind: 'began', lateMs: 1000 });
  });
});
