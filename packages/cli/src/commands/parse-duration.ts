import { InvalidArgumentError } from 'commander';

/** Reads `90`, `1.5`, `500ms`, `30s` or `5m` as milliseconds; a number alone is seconds. */
export function parseDuration(text: string): number {
  const [, count, unit = 's'] = /^(\d+(?:\.\d+)?)\s*(ms|s|m)?$/.exec(text.trim()) ?? [];
  const ms = Number(count) * { ms: 1, s: 1000, m: 60_000 }[unit as 's'];
  if (Number.isFinite(ms) && ms <= MAX_MS) return ms;
  throw new InvalidArgumentError('a duration is a number of seconds, or such as 500ms, 30s, 5m.');
}

/** The longest that a timer of Node's can wait. */
const MAX_MS = 2 ** 31 - 1;
