import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

const DEADLINE_MS = 10_000;

/** Looks again and again until it is as `expected` says, and gives that: a server hears of our ends a moment later. */
export async function eventually<T>(
  look: () => T | Promise<T>,
  expected: (value: T) => boolean,
): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const value = await look();
    if (expected(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`not as expected within ${DEADLINE_MS} ms: ${inspect(value)}; ${expected}`);
    await delay(10);
  }
}
