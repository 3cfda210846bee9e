import type { Activity, ActivitySample } from '@lastcall/proc';
import { formatAcquireSite } from './acquire-site';
import type { DrainDriver } from './drain-driver';
import type { DrainSettings } from './drain-options';
import type { Entry, Ledger, Waiter } from './ledger';

/** Lists at most `limit` units of work in flight and waiting, oldest first, and how many there are. */
export function listInFlight<W extends object>(
  { driver, ledger, settings }: InFlightParts<W>,
  owner: string,
  limit: number,
): ActivitySample {
  const kinds = { work: `${driver.name} ${driver.unit}`, queued: `${driver.name} waiting` };
  const now = performance.now();
  const activities: Activity[] = [];

  function add(kind: string, since: Waiter | Entry, state?: string, sql?: string): void {
    activities.push({
      kind,
      owner,
      name: nameOf(since, settings.showSql ? sql : undefined),
      state,
      ageMs: Math.round(now - since.since),
    });
  }

  for (const [work, entry] of ledger.entries) {
    if (activities.length >= limit) break;
    const { state, sql } = driver.look(work);
    add(kinds.work, entry, entry.isLost ? 'connection lost' : state, sql);
  }
  for (const waiter of ledger.waiters) {
    if (activities.length >= limit) break;
    add(kinds.queued, waiter);
  }
  const counts: Record<string, number> = {};
  if (ledger.entries.size > 0) counts[kinds.work] = ledger.entries.size;
  if (ledger.waiters.size > 0) counts[kinds.queued] = ledger.waiters.size;
  return { counts, activities };
}

/** What a list is made of. */
export interface InFlightParts<W extends object> {
  readonly driver: DrainDriver<W>;
  readonly ledger: Ledger<W>;
  readonly settings: DrainSettings;
}

/** The statement where that may be shown, the place of the acquire where it was noted. */
function nameOf({ site }: Waiter | Entry, sql: string | undefined): string {
  const place = formatAcquireSite(site);
  if (sql === undefined) return place ?? 'connection';
  return place === undefined ? sql : `${sql} (${place})`;
}
