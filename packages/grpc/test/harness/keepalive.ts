import { setTimeout as delay } from 'node:timers/promises';

const KEEPALIVE_MS = 100;

/** A server that pings its clients more often than their calls last. */
export const SERVER_KEEPALIVE = {
  'grpc.keepalive_time_ms': KEEPALIVE_MS,
  'grpc.keepalive_timeout_ms': 5000,
};

/** Settles when such a server has pinged, or would have: grpc-js tells nobody. */
export function timeToPing(): Promise<void> {
  return delay(4 * KEEPALIVE_MS);
}
