import { HttpError } from './http-error';

/** The longest profile, in seconds. */
export const MAX_SECONDS = 60;

/** `seconds` of a query, or `fallback`. Throws HttpError 400 unless it is a whole number from 1 to {@link MAX_SECONDS}. */
export function seconds(query: URLSearchParams, fallback: number): number {
  const asked = query.get('seconds');
  if (asked === null) return fallback;
  const value = /^\d{1,3}$/.test(asked) ? Number(asked) : 0;
  if (value >= 1 && value <= MAX_SECONDS) return value;
  throw new HttpError(400, `seconds must be a whole number from 1 to ${MAX_SECONDS}`);
}

/** One of `allowed`, the first being the default. Throws HttpError 400 for anything else. */
export function choice<T extends string>(
  query: URLSearchParams,
  name: string,
  allowed: readonly [T, ...T[]],
): T {
  const asked = query.get(name);
  if (asked === null) return allowed[0];
  const found = allowed.find((value) => value === asked);
  if (found !== undefined) return found;
  throw new HttpError(400, `${name} must be one of ${allowed.join(', ')}`);
}
