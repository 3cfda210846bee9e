import { LastcallError } from '@lastcall/proc';

/** One thing that went wrong with one service. */
export interface ServiceFailure {
  readonly service: string;
  /** In words: `failed to start`, `failed`, `failed to stop`. */
  readonly what: string;
  readonly error: Error;
}

/**
 * The failures of a group as one error: its `cause` is the original error, or, of several, an AggregateError of them.
 */
export function toServiceError(failures: readonly ServiceFailure[]): LastcallError {
  const lines = failures.map(
    ({ service, what, error }) => `service '${service}' ${what}: ${error.message}`,
  );
  const errors = failures.map(({ error }) => error);
  const message = lines.join('; ');
  const cause = errors.length === 1 ? errors[0] : new AggregateError(errors, message);
  return new LastcallError('LASTCALL_SERVICE_FAILED', message, { cause });
}
