import { type MainThreadUse, whenSilent } from '../../src/watchdog/when-silent';

/** Who was looked at so often is not taken for silent. */
const MOST_LOOKS = 40;

/**
 * Says when the main thread counts as silent, and how often it was looked at; `ran` is its time on a core at each look, which
 * goes on as at the last two: a machine that is busy makes for further looks.
 */
function silence(
  afterMs: number,
  state: 'computing' | 'waiting' | null,
  ran: readonly (number | null)[],
): Promise<number> {
  let looks = 0;
  const [last = null, former = last] = ran.toReversed();
  const step = last === null || former === null ? 0 : last - former;
  return new Promise((resolve, reject) => {
    const use: MainThreadUse = {
      state: () => state,
      ranMs: () => {
        const look = looks++;
        if (looks === MOST_LOOKS) end();
        const more = Math.max(0, look - ran.length + 1);
        return look < ran.length ? (ran[look] ?? null) : last === null ? null : last + more * step;
      },
    };
    const cancel = whenSilent(afterMs, () => resolve(looks), use);
    const end = (): void => {
      setImmediate(cancel);
      reject(new Error('it is never taken for silent'));
    };
  });
}

describe('whenSilent()', () => {
  it('takes a main thread for silent that has had a core, and has not answered', async () => {
    expect(await silence(5, 'computing', [0, 500])).toBeGreaterThan(0);
  });

  it('does not ask for more time on a core than there was', async () => {
    expect(await silence(20, 'computing', [0, 15])).toBeGreaterThan(1);
  });

  it('takes one for silent that waits in the kernel', async () => {
    expect(await silence(5, 'waiting', [0])).toBeGreaterThan(0);
  });

  it('does not so while it has no core, which it needs for an answer', async () => {
    expect(await silence(5, 'computing', [0, 1, 1, 2, 2, 500])).toBeGreaterThanOrEqual(6);
  });

  it('takes the time alone where the system does not tell', async () => {
    expect(await silence(5, null, [null])).toBeGreaterThan(0);
  });

  it('does not count a time in which it could not look itself', async () => {
    const done = silence(5, 'computing', [0, 500, 1000]);
    for (const end = Date.now() + 200; Date.now() < end; );
    expect(await done).toBeGreaterThan(2);
  });

  it('says nothing once there was an answer', async () => {
    const use: MainThreadUse = { state: () => 'waiting', ranMs: () => 0 };
    const onSilent = jest.fn();
    whenSilent(1, onSilent, use)();
    await new Promise<void>((resolve) => void whenSilent(20, resolve, use));
    expect(onSilent).not.toHaveBeenCalled();
  });
});
