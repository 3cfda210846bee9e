import type { Activity, ActivitySample } from '@lastcall/proc';
import type { Connection } from './connection';
import { describeCall } from './cut-call';
import type { ServerTracker } from './server-tracker';

const CALL = 'grpc call';

/** Lists the calls in flight: at most `limit` of them, and how many there are. */
export function listCalls(tracker: ServerTracker, owner: string, limit: number): ActivitySample {
  const activities: Activity[] = [];
  let count = 0;
  for (const connection of tracker) {
    count += connection.callCount;
    if (activities.length < limit) addCalls(activities, connection, owner, limit);
  }
  return { counts: count === 0 ? {} : { [CALL]: count }, activities };
}

function addCalls(
  activities: Activity[],
  connection: Connection,
  owner: string,
  limit: number,
): void {
  for (const stream of connection.streams) {
    if (activities.length >= limit) return;
    const { method = 'unknown', state, peer, ageMs } = describeCall(stream, connection);
    activities.push({ kind: CALL, name: method, owner, state, peer, ageMs });
  }
}
