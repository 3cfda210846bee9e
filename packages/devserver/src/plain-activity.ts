import type { Activity, ActivityTotal } from './protocol';

const LONGEST_TEXT = 300;

/** A copy that can be sent to another thread, whatever the application has put in. */
export function plainActivity(activity: Activity): Activity {
  const { kind, name, owner, state, peer, ageMs, ageAtLeast } = activity;
  return {
    kind: text(kind),
    name: text(name),
    ...(owner === undefined ? {} : { owner: text(owner) }),
    ...(state === undefined ? {} : { state: text(state) }),
    ...(peer === undefined ? {} : { peer: text(peer) }),
    ageMs: typeof ageMs === 'number' ? ageMs : null,
    ...(ageAtLeast === true ? { ageAtLeast } : {}),
  };
}

/** How many of each kind and owner, and the age of the oldest. */
export function totalByOwner(activities: readonly Activity[]): ActivityTotal[] {
  const totals = new Map<string, ActivityTotal>();
  for (const activity of activities) {
    const kind = text(activity.kind);
    const owner = text(activity.owner ?? '');
    const key = `${kind}\0${owner}`;
    const before = totals.get(key);
    totals.set(key, {
      kind,
      owner,
      count: (before?.count ?? 0) + 1,
      oldestMs: Math.max(before?.oldestMs ?? 0, activity.ageMs ?? 0),
    });
  }
  return [...totals.values()];
}

function text(value: unknown): string {
  const full = typeof value === 'string' ? value : typeof value;
  return full.length > LONGEST_TEXT ? `${full.slice(0, LONGEST_TEXT)}…` : full;
}
