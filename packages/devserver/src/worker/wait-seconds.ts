import { setTimeout as delay } from 'node:timers/promises';
import { HttpError } from './http-error';

/** Waits `seconds`; rejects as soon as `signal` aborts: with its reason if that is an HttpError, else with 499, as nobody waits for the result. */
export async function waitSeconds(seconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(seconds * 1000, undefined, { signal });
  } catch {
    throw signal.reason instanceof HttpError
      ? signal.reason
      : new HttpError(499, 'the client has gone');
  }
}
