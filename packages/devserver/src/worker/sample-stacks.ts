import { CallTree } from './call-tree';
import { StackReader } from './main-stack';
import type { CpuProfile } from './pprof/cpu-to-pprof';
import { waitSeconds } from './wait-seconds';

const PERIOD_MS = 20;
/** A pause that takes longer does not come: nothing runs. */
const PAUSE_DEADLINE_MS = 100;

/**
 * Takes a CPU profile by reading the stack 50 times a second.
 *
 * For a main thread that is blocked already: V8's profiler does not know the code that a loop was replaced with while it ran
 * (on-stack replacement), and blames its caller. Rejects with HttpError.
 */
export async function sampleStacks(seconds: number, signal: AbortSignal): Promise<CpuProfile> {
  const reader = await StackReader.open();
  try {
    const tree = new CallTree(microseconds());
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      const stack = await reader.read(PAUSE_DEADLINE_MS);
      tree.add(stack.state === 'running' ? stack.frames : null, microseconds());
      await waitSeconds(PERIOD_MS / 1000, signal);
    }
    return tree.toProfile(microseconds());
  } finally {
    reader.close();
  }
}

function microseconds(): number {
  return Math.round(performance.now() * 1000);
}
