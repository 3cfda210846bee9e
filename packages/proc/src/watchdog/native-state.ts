import { readFileSync } from 'node:fs';
import type { BlockedLoop } from './blocked-loop';

/** What the main thread does right now, where the kernel tells: on Linux. */
export function nativeState(): BlockedLoop['nativeState'] {
  try {
    // The main thread has the id of the process. Its name, in parentheses, may hold anything: the state follows the last one.
    const stat = readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1');
    const state = stat.slice(stat.lastIndexOf(')') + 2).charAt(0);
    return state === 'R' ? 'computing' : 'waiting';
  } catch {
    return null;
  }
}
