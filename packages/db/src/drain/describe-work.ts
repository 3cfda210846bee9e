import { formatAcquireSite } from './acquire-site';
import type { CutWork } from './cut-work';
import type { WorkSnapshot } from './drain-driver';
import type { DrainSettings } from './drain-options';
import type { Entry, Waiter } from './ledger';

/** What the report says of work, but for what became of it. @param at - What it is at. */
export function describeWork<W extends object>(
  entry: Entry<W>,
  { state, connection, sql, command }: WorkSnapshot,
  { showSql }: Pick<DrainSettings, 'showSql'>,
): Omit<CutWork, 'outcome'> {
  return {
    state,
    heldMs: Math.round(performance.now() - entry.since),
    ...(entry.isOlder ? { ageAtLeast: true } : {}),
    ...(connection === undefined ? {} : { connection }),
    ...(command === undefined ? {} : { command }),
    ...siteOf(entry),
    ...(sql === undefined || !showSql ? {} : { sql }),
  };
}

/** What the report says of an acquire that got no connection. */
export function describeWaiter(waiter: Waiter): CutWork {
  const heldMs = waiter.since === undefined ? 0 : Math.round(performance.now() - waiter.since);
  return { state: 'queued', heldMs, ...siteOf(waiter), outcome: 'cut' };
}

function siteOf({ site }: Pick<Waiter, 'site'>): { acquireSite?: string } {
  const acquireSite = formatAcquireSite(site);
  return acquireSite === undefined ? {} : { acquireSite };
}
