import { fstatSync } from 'node:fs';
import { ownTimerCount, ownTurnCount } from './own-timers';
import { silentWorkers } from './silent-workers';

/**
 * What others keep the process alive with: our deadlines, and stdout and stderr, are not why it does not end.
 *
 * @param handles - The open handles, where they are listed already: stdout and stderr are found among them
 */
export function activeResources(handles?: readonly unknown[]): string[] {
  // First, as Node makes the two streams when they are first looked at; and listed once: of 10,000 sockets that takes its time.
  const idlePipes = handles === undefined ? countIdlePipes() : handles.filter(isIdleOutput).length;
  const all = process.getActiveResourcesInfo();
  const others = without(without(all, 'Timeout', ownTimerCount()), 'Immediate', ownTurnCount());
  const known = without(others, 'PipeWrap', idlePipes);
  for (const _ of silentWorkers()) known.push('Worker');
  return known;
}

/** How many of stdout and stderr are pipes with nothing left to write. Node counts them, but libuv does not wait for them. */
function countIdlePipes(): number {
  return (
    Number(isPipe(1) && isIdlePipe(process.stdout)) +
    Number(isPipe(2) && isIdlePipe(process.stderr))
  );
}

function isPipe(fd: number): boolean {
  try {
    const facts = fstatSync(fd);
    return facts.isFIFO() || facts.isSocket();
  } catch {
    // It is closed.
    return false;
  }
}

/** Whether a handle is stdout or stderr as a pipe. What nobody has looked at yet is no handle, and need not be made for this. */
function isIdleOutput(handle: unknown): boolean {
  try {
    const { fd } = handle as { readonly fd?: unknown };
    return (fd === 1 || fd === 2) && isIdlePipe(handle as NodeJS.WriteStream);
  } catch {
    // Among the handles of a process may be anything, also what throws at a look.
    return false;
  }
}

/** `_handle` is not documented; where it is missing the pipe is counted, as Node does. */
function isIdlePipe(stream: NodeJS.WriteStream): boolean {
  const { _handle: handle } = stream as { _handle?: object | null };
  return handle?.constructor.name === 'Pipe' && stream.writableLength === 0;
}

/** Takes the last `count` of `type` out of `types`. The engine searches: a look of ours at each of 10,000 takes a millisecond. */
function without(types: string[], type: string, count: number): string[] {
  for (let left = count; left > 0; left--) {
    const at = types.lastIndexOf(type);
    if (at === -1) break;
    types.splice(at, 1);
  }
  return types;
}
