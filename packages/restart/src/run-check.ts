import type { ChildProcess } from 'node:child_process';
import { LastcallError, toError } from '@lastcall/proc';
import type { RestartEnvironment } from './restart-environment';
import type { StartCommand } from './start-command';

/** So much of what the command wrote goes into the error, from its end. */
const TAIL_LENGTH = 500;

/**
 * Runs the command of option `check` as the new generation would run.
 *
 * @throws LastcallError `LASTCALL_UPGRADE_CHECK_FAILED` when it does not end with code 0 in time
 */
export async function runCheck(
  environment: RestartEnvironment,
  check: string | readonly string[],
  { cwd, env }: StartCommand,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const [file = '', ...args] = typeof check === 'string' ? ['/bin/sh', '-c', check] : check;
  const child = environment.spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  let isLate = false;
  const cancel = environment.setTimer(() => {
    isLate = true;
    kill();
  }, timeoutMs);
  try {
    const { failure, tail } = await outcomeOf(child);
    if (failure === null) return;
    const why = isLate ? `took longer than readyTimeoutMs (${timeoutMs})` : failure;
    throw checkFailed(`${why}${tail === '' ? '' : `: ${tail}`}`);
  } finally {
    cancel();
    signal.removeEventListener('abort', kill);
  }
}

interface Outcome {
  readonly failure: string | null;
  readonly tail: string;
}

function outcomeOf(child: ChildProcess): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let tail = '';
    const add = (chunk: string): void => {
      tail = (tail + chunk).slice(-TAIL_LENGTH);
    };
    child.stdout?.setEncoding('utf8').on('data', add);
    child.stderr?.setEncoding('utf8').on('data', add);
    child.once('error', (error) => reject(checkFailed(toError(error).message)));
    child.once('close', (code, signal) => {
      const failure = code === 0 ? null : `ended with ${signal ?? `exit code ${code}`}`;
      resolve({ failure, tail: tail.trim() });
    });
  });
}

function checkFailed(why: string): LastcallError {
  return new LastcallError('LASTCALL_UPGRADE_CHECK_FAILED', `the command of option 'check' ${why}`);
}
