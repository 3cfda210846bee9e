import { join } from 'node:path';

/** The part of `process` that Node has from 22.15 and 23.11 on. */
interface Replaceable {
  execve?(file: string, args: readonly string[], env: NodeJS.ProcessEnv): never;
}

/** The small shell program that can be process 1. */
export const INIT: string = join(__dirname, '..', '..', 'bin', 'lastcall-init');

/**
 * As process 1, has a shell take that place, which starts this command anew as its child: a shell reaps processes that it
 * adopts, and Node cannot. The pid, the signals and the exit status stay the same to the outside.
 *
 * @returns false where this process is not 1, or Node is too old for it
 */
export function becomeInit(): boolean {
  const { execve } = process as unknown as Replaceable;
  if (process.pid !== 1 || execve === undefined) return false;
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  execve.call(process, '/bin/sh', ['sh', INIT, ...self], process.env);
  return true;
}
