import { setTimeout as delay } from 'node:timers/promises';

/** Looks again and again until it is as `expected` says, or ten seconds are over; gives what it saw last. */
export async function eventually<T>(
  look: () => T | Promise<T>,
  expected: (value: T) => boolean,
): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const value = await look();
    if (expected(value) || Date.now() > deadline) return value;
    await delay(10);
  }
}
