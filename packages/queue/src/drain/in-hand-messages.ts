import type { Activity, ActivitySample } from '@lastcall/proc';
import type { Entry } from './entry';

/** Lists at most `limit` messages in hand, oldest first, and how many there are. */
export function listInHand(
  kind: string,
  entries: ReadonlySet<Entry>,
  owner: string,
  limit: number,
): ActivitySample {
  const now = performance.now();
  const activities: Activity[] = [];
  for (const { queue, id, since, isOlder, isAcknowledging } of entries) {
    if (activities.length >= limit) break;
    activities.push({
      kind,
      owner,
      name: `${queue} ${id}`,
      state: isAcknowledging ? 'acknowledging' : 'in hand',
      ageMs: Math.round(now - since),
      ...(isOlder ? { ageAtLeast: true } : {}),
    });
  }
  return { counts: entries.size > 0 ? { [kind]: entries.size } : {}, activities };
}
