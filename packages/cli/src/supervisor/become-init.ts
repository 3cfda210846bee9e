import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** The part of `process` that Node has from 22.15 and 23.11 on. */
interface Replaceable {
  execve?(file: string, args: readonly string[], env: NodeJS.ProcessEnv): never;
}

/** The small shell program that can be process 1. */
export const INIT: string = join(__dirname, '..', '..', 'bin', 'lastcall-init');

const SHELL = '/bin/sh';

/**
 * As process 1, has a shell take that place, which starts this command anew as its child: a shell reaps processes that it
 * adopts, and Node cannot. The pid, the signals and the exit status stay the same to the outside.
 *
 * @returns false where this process is not 1, Node is too old for it, or there is no shell, as in an image without a distribution
 */
export function becomeInit(): boolean {
  const { execve } = process as unknown as Replaceable;
  // Node aborts when it cannot be done, so that nothing would run.
  if (process.pid !== 1 || execve === undefined || !canRunInit()) return false;
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  execve.call(process, SHELL, ['sh', INIT, ...self], process.env);
  return true;
}

function canRunInit(): boolean {
  try {
    accessSync(SHELL, constants.X_OK);
    accessSync(INIT, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
