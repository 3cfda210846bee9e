import type { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import { writeError } from './write-error';

/** Node's guard against running exit handlers twice. While it is set, nextTick() does nothing, so no stream flushes. */
const exiting = process as unknown as { _exiting?: boolean };

let haveExitHandlersRun = false;

/** Whether 'exit' handlers run or have run: nothing that takes a turn gets done any more. */
export function isExiting(): boolean {
  return exiting._exiting === true;
}

/** Runs 'exit' handlers and writes coverage, which a death by signal would skip. Does so once. */
export function runExitHandlers(code: number): void {
  if (haveExitHandlersRun || isExiting()) return;
  haveExitHandlersRun = true;
  process.exitCode = code;
  exiting._exiting = true;
  try {
    process.emit('exit', code);
  } catch (error) {
    // The process is dying; a broken exit handler must not keep it from it.
    tellUncaught(error);
  }
  exiting._exiting = false;
  if (process.env.NODE_V8_COVERAGE === undefined) return;
  (require('node:v8') as typeof import('node:v8')).takeCoverage();
}

/** Who calls `process.exit()`: the stack from there, or an empty text where nobody does. */
export function exitCallStack(): string {
  const call: { stack?: string } = {};
  // Of a stack that this function is not on no frame is left.
  Error.captureStackTrace(call, process.exit);
  const stack = call.stack ?? '';
  return /\n +at /.test(stack) ? stack : '';
}

/** Ends the process with `code`; with 1 instead of 0 when an 'exit' handler throws. */
export function exit(code: number): void {
  if (haveExitHandlersRun) exiting._exiting = true;
  try {
    process.exit(code);
  } catch (error) {
    // Thrown by an 'exit' handler: from here it would end up as a rejection, and the process would go on.
    tellUncaught(error);
    process.exit(code === 0 ? 1 : code);
  }
}

/** What Node does with what an 'exit' handler throws: those who listen hear of it, else it is on stderr. */
function tellUncaught(error: unknown): void {
  try {
    const isHeard = (process as EventEmitter).emit('uncaughtException', error, 'uncaughtException');
    if (!isHeard) writeError(`Uncaught by an 'exit' handler: ${inspect(error)}\n`);
  } catch {
    // Nor may one who listens keep the process from its end.
  }
}
