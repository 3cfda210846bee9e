import { LastcallError } from '../lastcall-error';
import type { ProfileHost } from './profile-host';

/**
 * Waits for `promise`, but not longer than `deadlineMs`.
 *
 * @throws LastcallError `LASTCALL_PROFILE_FAILED` when the time is over; and what `promise` rejects with
 */
export function giveUpAfter<T>(
  host: ProfileHost,
  deadlineMs: number,
  what: string,
  promise: Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void =>
      reject(
        new LastcallError('LASTCALL_PROFILE_FAILED', `gave up ${what} after ${deadlineMs} ms`),
      );
    const removeTimer = host.setTimer(late, deadlineMs, true);
    promise.then(resolve, reject).finally(removeTimer);
  });
}
