import { LastcallError } from '@lastcall/proc';
import { formatAcquireSite } from './acquire-site';
import type { Ledger } from './ledger';

/** What a {@link watchLeaks} needs to know. */
export interface LeakWatchParts<W extends object> {
  /** What messages call the pool: `the pg pool`. */
  readonly pool: string;
  /** What is held. */
  readonly held: string;
  readonly ledger: Ledger<W>;
  readonly leakMs: number;
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
      parts.warn(leak(parts, Math.round(now - entry.since), formatAcquireSite(entry.site)));
    }
    timer = setTimeout(look, Math.max(next, 1)).unref();
  }

  return () => clearTimeout(timer);
}

function leak<W extends object>(
  { pool, held, leakMs }: LeakWatchParts<W>,
  heldMs: number,
  site: string | undefined,
): LastcallError {
  const where =
    site === undefined
      ? '; `acquireSites: true` tells where they come from'
      : `, acquired at ${site}`;
  return new LastcallError(
    'LASTCALL_DB_LEAK',
    `a ${held} of ${pool} has been held for ${heldMs} ms, longer than leakMs of ${leakMs}${where}`,
  );
}
