import { LastcallError } from '@lastcall/proc';
import { formatAcquireSite } from './acquire-site';
import type { Entry, Ledger } from './ledger';

/** What a {@link watchLeaks} needs to know. */
export interface LeakWatchParts<W extends object> {
  /** What messages call the pool: `the pg pool`. */
  readonly pool: string;
  /** What is held. */
  readonly held: string;
  readonly ledger: Ledger<W>;
  readonly leakMs: number;
  /** Whether it is noted where each is acquired. */
  readonly acquireSites: boolean;
  readonly warn: (error: LastcallError) => void;
}

/**
 * Reports each connection that is held for longer than `leakMs`, once. One timer, which does not keep the process alive,
 * whatever the number of connections.
 *
 * @returns what ends it
 */
export function watchLeaks<W extends object>(parts: LeakWatchParts<W>): () => void {
  const { ledger, leakMs } = parts;
  let timer = setTimeout(look, leakMs).unref();

  function look(): void {
    const now = performance.now();
    let next = leakMs;
    for (const [, entry] of ledger.pending()) {
      const left = entry.since + leakMs - now;
      if (left > 0) {
        // The rest began later.
        next = left;
        break;
      }
      if (entry.isLeaked) continue;
      entry.isLeaked = true;
      parts.warn(leak(parts, entry, now));
    }
    timer = setTimeout(look, Math.max(next, 1)).unref();
  }

  return () => clearTimeout(timer);
}

function leak<W extends object>(
  parts: LeakWatchParts<W>,
  entry: Entry<W>,
  now: number,
): LastcallError {
  const { pool, held, leakMs } = parts;
  const heldMs = `${entry.isOlder ? 'at least ' : ''}${Math.round(now - entry.since)}`;
  return new LastcallError(
    'LASTCALL_DB_LEAK',
    `a ${held} of ${pool} has been held for ${heldMs} ms, longer than leakMs of ${leakMs}${whereFrom(parts, entry)}`,
  );
}

function whereFrom<W extends object>(
  { acquireSites }: LeakWatchParts<W>,
  { site, isOlder }: Entry<W>,
): string {
  const at = formatAcquireSite(site);
  if (at !== undefined) return `, acquired at ${at}`;
  if (isOlder) return '; it was acquired before the pool was attached';
  return acquireSites ? '' : '; `acquireSites: true` tells where they come from';
}
