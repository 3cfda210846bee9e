import type { Activity, ActivitySample } from '@lastcall/proc';
import { type AcquireSite, formatAcquireSite } from './acquire-site';
import type { DrainDriver, WorkSnapshot } from './drain-driver';
import type { DrainSettings } from './drain-options';
import { Entry, type Ledger, type Waiter } from './ledger';

/** Lists at most `limit` units of work in flight and waiting, oldest first, and how many there are. */
export function listInFlight<W extends object>(
  { driver, ledger, settings }: InFlightParts<W>,
  owner: string,
  limit: number,
): ActivitySample {
  const kinds = { work: `${driver.name} ${driver.unit}`, queued: `${driver.name} waiting` };
  const now = performance.now();
  const activities: Activity[] = [];

  function add(kind: string, since: Waiter | Entry<W> | undefined, at?: WorkSnapshot): void {
    activities.push({
      kind,
      owner,
      name: nameOf(since?.site, (settings.showSql ? at?.sql : undefined) ?? at?.command),
      state: since instanceof Entry && since.isLost ? 'connection lost' : at?.state,
      ageMs: since === undefined ? null : Math.round(now - (since.since ?? now)),
      ...(since instanceof Entry && since.isOlder ? { ageAtLeast: true } : {}),
    });
  }

  for (const entry of ledger.entries) {
    if (activities.length >= limit) break;
    add(kinds.work, entry, driver.look(entry.work));
  }
  const untold = untoldWork(driver, ledger);
  for (const work of untold.slice(0, limit - activities.length)) {
    add(kinds.work, undefined, driver.look(work));
  }
  for (const waiter of ledger.waiters) {
    if (activities.length >= limit) break;
    add(kinds.queued, waiter);
  }
  const counts: Record<string, number> = {};
  const working = ledger.entries.size + untold.length;
  if (working > 0) counts[kinds.work] = working;
  if (ledger.waiters.size > 0) counts[kinds.queued] = ledger.waiters.size;
  return { counts, activities };
}

/** What a list is made of. */
export interface InFlightParts<W extends object> {
  readonly driver: DrainDriver<W>;
  readonly ledger: Ledger<W>;
  readonly settings: DrainSettings;
}

/** What is in flight that the driver has not told the ledger of: its client keeps the list. */
export function untoldWork<W extends object>(driver: DrainDriver<W>, ledger: Ledger<W>): W[] {
  return [...(driver.inFlight?.() ?? [])].filter((work) => !ledger.has(work));
}

/** The statement or command where that may be shown, the place of the acquire where it was noted. */
function nameOf(site: AcquireSite | undefined, text: string | undefined): string {
  const place = formatAcquireSite(site);
  if (text === undefined) return place ?? 'connection';
  return place === undefined ? text : `${text} (${place})`;
}
