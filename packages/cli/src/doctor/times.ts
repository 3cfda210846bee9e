import type { Facts, Times } from './facts';

/** go-zero's times, which are the defaults of `@lastcall/proc`. */
const DEFAULTS: Times = { wrapUpTimeMs: 1000, hammerTimeMs: 4500, waitTimeMs: 5500 };

const VARIABLES: Readonly<Record<keyof Times, string>> = {
  wrapUpTimeMs: 'LASTCALL_WRAP_UP_TIME_MS',
  hammerTimeMs: 'LASTCALL_HAMMER_TIME_MS',
  waitTimeMs: 'LASTCALL_WAIT_TIME_MS',
};

/**
 * The times in force, as far as can be told: what the process says, else what its environment says, else the defaults. What
 * `proc.setup()` is given in a program that does not run is not known.
 */
export function timesOf({ settings, env }: Facts): Times {
  if (settings !== null) return settings;
  const read = (name: keyof Times): number => numberOf(env[VARIABLES[name]]) ?? DEFAULTS[name];
  return {
    wrapUpTimeMs: read('wrapUpTimeMs'),
    hammerTimeMs: read('hammerTimeMs'),
    waitTimeMs: read('waitTimeMs'),
  };
}

/** Whether the times are more than a guess: somebody has set them, or the process has told them. */
export function areTimesKnown({ settings, env }: Facts): boolean {
  return settings !== null || Object.values(VARIABLES).some((name) => env[name] !== undefined);
}

/** Whether one of them is: the others may be set by the program. */
export function isTimeKnown({ settings, env }: Facts, name: keyof Times): boolean {
  return settings !== null || numberOf(env[VARIABLES[name]]) !== null;
}

/** A number of milliseconds as the environment has it; null for anything else. */
export function numberOf(text: string | undefined): number | null {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : null;
}
