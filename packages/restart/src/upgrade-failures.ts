import { LastcallError } from '@lastcall/proc';
import type { GenerationProcess } from './handover/generation-process';

// Why an attempt to replace this process came to nothing.

function endOf({ end }: GenerationProcess): string {
  return end?.signal == null ? `ended with exit code ${end?.code}` : `was killed by ${end.signal}`;
}

export function endedBeforeReady(
  successor: GenerationProcess,
  lastWords: { readonly code: string; readonly message: string } | undefined,
): LastcallError {
  const why = lastWords === undefined ? '' : ` (${lastWords.code}: ${lastWords.message})`;
  return new LastcallError(
    'LASTCALL_UPGRADE_CHILD_ENDED',
    `the new generation, process ${successor.pid}, ${endOf(successor)} before it was ready${why}; what it wrote says why`,
  );
}

export function timedOut(pid: number, ms: number): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_TIMED_OUT',
    `the new generation, process ${pid}, did not call restart.ready() within ${ms} ms (readyTimeoutMs) and is ended`,
  );
}

export function rolledBack(successor: GenerationProcess): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_ROLLED_BACK',
    `the new generation, process ${successor.pid}, ${endOf(successor)} soon after it was ready (within bakeMs)`,
  );
}

export function stopping(): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_STOPPING',
    'the upgrade was given up: this process stops',
  );
}

export function noReserve(): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_NO_RESERVE',
    'the sockets could not be kept in reserve: this process goes on accepting beside the new one until it stops',
  );
}
