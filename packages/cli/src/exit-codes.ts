import { LastcallError, type LastcallErrorCode } from '@lastcall/proc';

/**
 * What `lastcall` ends with, and what it means. `lastcall run` ends as its program does, else with `cannotRun` or `notFound`,
 * as shells and `docker run` do.
 */
export const EXIT_CODES = {
  ok: 0,
  /** It was done, or looked at, and the answer is no: an upgrade that failed, a problem that `doctor` found. */
  failed: 1,
  /** The command line is wrong, or a variable of the environment. */
  usage: 2,
  /** There is no such process, pid file or file. */
  missing: 3,
  /** The process, or the system, does not allow it: no control socket, a signal that it would die of. */
  impossible: 4,
  /** It did not come about in the time given. */
  late: 5,
  cannotRun: 126,
  notFound: 127,
} as const;

const BY_ERROR: Partial<Record<LastcallErrorCode, number>> = {
  LASTCALL_CLI_USAGE: EXIT_CODES.usage,
  LASTCALL_BAD_ENVIRONMENT: EXIT_CODES.usage,
  LASTCALL_CLI_NO_PROCESS: EXIT_CODES.missing,
  LASTCALL_CLI_NO_FILE: EXIT_CODES.missing,
  LASTCALL_CLI_UNKNOWN_FILE: EXIT_CODES.failed,
  LASTCALL_CLI_IMPOSSIBLE: EXIT_CODES.impossible,
  LASTCALL_CONTROL_BUSY: EXIT_CODES.impossible,
  LASTCALL_CLI_LATE: EXIT_CODES.late,
};

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof LastcallError)) return EXIT_CODES.failed;
  return BY_ERROR[error.code] ?? EXIT_CODES.failed;
}
