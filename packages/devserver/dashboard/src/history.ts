import type { Status } from './status.js';

/** How far back the charts go. */
export const HISTORY_MS: number = 5 * 60_000;

/** What the charts need of one status. */
export interface Sample {
  /** Milliseconds since 1970, on the reader's clock. */
  readonly at: number;
  /** Null when the main thread did not answer: what is known of it is old. */
  readonly status: Status | null;
}

/** The samples of the last five minutes of one process. */
export interface History {
  /** Adds a status; another process begins a new history. */
  add(status: Status, at: number): void;
  samples(): readonly Sample[];
}

/** Makes an empty history. */
export function createHistory(): History {
  let samples: Sample[] = [];
  let process = '';

  function add(status: Status, at: number): void {
    const { host, pid } = status.process;
    if (process !== `${host} ${pid}`) samples = [];
    process = `${host} ${pid}`;
    samples.push({ at, status: status.mainThread.responsive ? status : null });
    samples = samples.filter((sample) => sample.at > at - HISTORY_MS);
  }

  return { add, samples: () => samples };
}
