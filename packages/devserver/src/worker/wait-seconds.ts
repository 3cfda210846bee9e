import { setTimeout as delay } from 'node:timers/promises';
import { HttpError } from './http-error';

/** Waits `seconds`; rejects with HttpError 499 as soon as `signal` aborts: nobody waits for the result any more. */
export async function waitSeconds(seconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(seconds * 1000, undefined, { signal });
  } catch {
    throw new HttpError(499, 'the client has gone');
  }
}
