import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { LastcallError, toError } from '@lastcall/proc';
import type { RestartEnvironment } from './restart-environment';
import type { StartCommand } from './start-command';

/** So much of what the command wrote goes into the error, from its end. */
const TAIL_LENGTH = 500;
/** What it has started may keep its output open when it has ended: then the last of it gets this long, in milliseconds. */
const LAST_WORDS_MS = 200;

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
  // A process group of its own: a shell's children end with it.
  const options: SpawnOptions = { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true };
  const child = spawnOrThrow(() => environment.spawn(file, args, options));
  const kill = (): void => {
    if (child.pid !== undefined) environment.kill(-child.pid, 'SIGKILL');
  };
  signal.addEventListener('abort', kill, { once: true });
  let isLate = false;
  const cancel = environment.setTimer(() => {
    isLate = true;
    kill();
  }, timeoutMs);
  try {
    const { failure, tail } = await outcomeOf(environment, child);
    if (failure === null) return;
    const why = isLate ? `took longer than readyTimeoutMs (${timeoutMs})` : failure;
    throw checkFailed(`${why}${tail === '' ? '' : `: ${tail}`}`);
  } finally {
    cancel();
    child.stdout?.destroy();
    child.stderr?.destroy();
    signal.removeEventListener('abort', kill);
  }
}

/** Node tells some of what can go wrong by an event, and throws the rest: no memory, too long a command. */
function spawnOrThrow(spawn: () => ChildProcess): ChildProcess {
  try {
    return spawn();
  } catch (thrown) {
    throw checkFailed(`could not be started: ${toError(thrown).message}`);
  }
}

interface Outcome {
  readonly failure: string | null;
  readonly tail: string;
}

function outcomeOf(environment: RestartEnvironment, child: ChildProcess): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let tail = '';
    const add = (chunk: string): void => {
      tail = (tail + chunk).slice(-TAIL_LENGTH);
    };
    child.stdout?.setEncoding('utf8').on('data', add);
    child.stderr?.setEncoding('utf8').on('data', add);
    child.once('error', (error) =>
      reject(checkFailed(`could not be started: ${toError(error).message}`)),
    );
    child.once('exit', (code, signal) => {
      const failure = code === 0 ? null : `ended with ${signal ?? `exit code ${code}`}`;
      const cancel = environment.setTimer(finish, LAST_WORDS_MS);
      child.once('close', finish);
      function finish(): void {
        cancel();
        resolve({ failure, tail: tail.trim() });
      }
    });
  });
}

function checkFailed(why: string): LastcallError {
  return new LastcallError('LASTCALL_UPGRADE_CHECK_FAILED', `the command of option 'check' ${why}`);
}
