import type { StatusSnapshot } from '../protocol';
import type { MainThread, MainThreadState } from './main-thread';

/** The body of `/debug/status`. */
export interface StatusDocument extends StatusSnapshot {
  /** ISO 8601, UTC. */
  readonly time: string;
  /** When it does not answer, the rest is what was last known. */
  readonly mainThread: MainThreadState;
}

/** Asks for the status, or takes the last one known. */
export async function takeStatus(main: MainThread): Promise<StatusDocument> {
  const answer = await main.ask({ kind: 'status' });
  return statusDocument(answer ?? main.lastStatus, main.state(answer !== undefined));
}

/** A status with the time of the answer. */
export function statusDocument(
  status: StatusSnapshot,
  mainThread: MainThreadState,
): StatusDocument {
  return { time: new Date().toISOString(), mainThread, ...status };
}
