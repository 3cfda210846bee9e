import { setTimeout as delay } from 'node:timers/promises';
import { LastcallError } from '@lastcall/proc';
import type { CliEnvironment } from '../cli-environment';
import type { Target } from './find-target';
import { processFacts, startTimeOf } from './process-facts';

const LOOK_EVERY_MS = 50;

/**
 * Sends a signal that a process must handle, so as not to die of it.
 *
 * Only SIGUSR2 tells whether lastcall is there: Node handles SIGUSR1 itself (the inspector), SIGTERM and SIGINT too.
 *
 * @throws LastcallError `LASTCALL_CLI_IMPOSSIBLE`
 */
export function sendHandled(
  environment: CliEnvironment,
  { pid }: Target,
  signal: 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2',
): void {
  const facts = processFacts(environment, pid);
  const shell = shellOf(facts?.args[0]);
  if (shell !== null) {
    throw new LastcallError(
      'LASTCALL_CLI_IMPOSSIBLE',
      `process ${pid} is a shell (${shell}), which would die of ${signal}: name the process that it has started`,
    );
  }
  const caught = facts?.caught;
  const proof = signal === 'SIGHUP' ? 'SIGHUP' : 'SIGUSR2';
  if (caught?.has(proof) === false) {
    const why = proof === signal ? '' : ', so lastcall is not installed there';
    throw new LastcallError(
      'LASTCALL_CLI_IMPOSSIBLE',
      `process ${pid} has no control socket and does not handle ${proof}${why}: ${signal} would ${WOULD[signal]}`,
    );
  }
  send(environment, pid, signal);
}

/** What it would do to a process that does not handle it, and what to do about that. */
const WOULD = {
  SIGHUP:
    'kill it; @lastcall/restart handles it from its first use on, at a terminal with LASTCALL_UPGRADE_ON_TERMINAL=true alone',
  SIGUSR1: 'open its inspector, or kill it',
  SIGUSR2: 'kill it',
} as const;

/** Shells handle every signal that would end them, to tidy up and die: that they handle it proves nothing. */
export function shellOf(program = ''): string | null {
  const [name = ''] = /[^/]*$/.exec(program.replace(/^-/, '')) ?? [];
  return /^(ba|da|a|k|mk|z|fi)?sh$/.test(name) ? name : null;
}

/** @throws LastcallError `LASTCALL_CLI_IMPOSSIBLE`, `LASTCALL_CLI_NO_PROCESS` */
export function send(environment: CliEnvironment, pid: number, signal: NodeJS.Signals): void {
  try {
    if (environment.kill(pid, signal)) return;
  } catch (cause) {
    const message = `${signal} cannot be sent to process ${pid}: ${(cause as Error).message}`;
    throw new LastcallError('LASTCALL_CLI_IMPOSSIBLE', message, { cause });
  }
  throw new LastcallError('LASTCALL_CLI_NO_PROCESS', `process ${pid} has ended`);
}

/** Tells, whenever it is called, whether the process of now is gone. One whose parent has not asked is gone too. */
export function watchEnd(environment: CliEnvironment, pid: number): () => boolean {
  const startedAt = startTimeOf(environment, pid);
  return () => {
    if (!environment.kill(pid, 0)) return true;
    if (startedAt === null) return false;
    const facts = processFacts(environment, pid);
    return facts === null || facts.isZombie || facts.startedAt !== startedAt;
  };
}

/** Resolves with true once the process is gone, with false after `timeoutMs`. */
export function waitForEnd(
  environment: CliEnvironment,
  pid: number,
  timeoutMs: number,
  look: () => void = () => {},
): Promise<boolean> {
  const hasEnded = watchEnd(environment, pid);
  return waitUntil(environment, timeoutMs, () => {
    look();
    return hasEnded();
  });
}

/** Looks again and again; false when it has not come about within `timeoutMs`. */
export async function waitUntil(
  environment: CliEnvironment,
  timeoutMs: number,
  isSo: () => boolean,
): Promise<boolean> {
  const end = environment.now() + timeoutMs;
  while (!isSo()) {
    if (environment.now() >= end) return false;
    await delay(LOOK_EVERY_MS);
  }
  return true;
}
