import { whyNotAnew } from '../src/supervisor/restart-rule';

const CRASH = { code: 1, signal: null };
const DONE = { code: 0, signal: null };
const KILLED = { code: null, signal: 'SIGKILL' } as const;
const TERMINATED = { code: null, signal: 'SIGTERM' } as const;

describe('whether a worker that has ended is started anew', () => {
  it.each([
    ['crashes', CRASH, false, true],
    ['is killed', KILLED, false, true],
    ['ends with 0 by itself', DONE, false, false],
    ['is asked to end', TERMINATED, true, true],
    // Many programs answer SIGTERM so.
    ['is asked to end, and does with 0', DONE, true, true],
  ])('one that %s, when one was ready before', (_what, end, wasAsked, isAnew) => {
    const why = (restart: 'ready' | 'always' | 'never', hasBeenReady: boolean): string | null =>
      whyNotAnew(end, { restart, hasBeenReady, wasAsked });
    expect(why('ready', true) === null).toBe(isAnew);
    expect(why('ready', false)).toContain('no worker has called restart.ready()');
    expect(why('always', false)).toBeNull();
    expect(why('always', true)).toBeNull();
    expect(why('never', true)).toBe('--restart never');
  });
});
