import { errorReport } from './error-report';
import type { ForcedEnd } from './force-quit-event';
import { type Entry, settleEntry } from './registration';
import type { ListenerReport, PhaseReport, Report } from './report';
import type { Settings } from './settings';

/** What began a stop. */
export interface StopCause {
  readonly reason: string;
  readonly signal: NodeJS.Signals | null;
  readonly fatal: Error | null;
}

/** What a stop comes to, before it is decided how the process ends. */
export type StopOutcome = Omit<Report, 'exit' | 'ok' | 'warnings'>;

/** Whether nothing went wrong in a stop. */
export function isOk({ forced, fatal, listeners }: StopOutcome): boolean {
  return forced === null && fatal === null && listeners.every(({ outcome }) => outcome === 'ok');
}

/** What a stop knows of itself at its end. */
export interface StopFacts {
  readonly pid: number;
  readonly cause: StopCause;
  /** Milliseconds since the epoch. */
  readonly startedAtWall: number;
  readonly durationMs: number;
  readonly hammerMs: number | null;
  readonly forced: Report['forced'];
  readonly phases: readonly PhaseReport[];
  readonly runs: readonly { toReport(): ListenerReport }[];
  /** Listeners that were still waiting for their turn. */
  readonly notCalled: readonly Entry[];
  readonly forcedEnd: ForcedEnd | undefined;
  readonly settings: Settings;
}

/** Makes the outcome of a stop; releases who waits for listeners that were never called. */
export function createOutcome(facts: StopFacts): StopOutcome {
  const { pid, cause, startedAtWall, durationMs, hammerMs, forced, phases, forcedEnd } = facts;
  const { reason, signal, fatal } = cause;
  const { wrapUpTimeMs, hammerTimeMs, waitTimeMs } = facts.settings;
  for (const entry of facts.notCalled) settleEntry(entry);
  return {
    version: 1,
    pid,
    reason,
    signal,
    startedAt: new Date(startedAtWall).toISOString(),
    durationMs,
    hammerMs,
    forced,
    fatal: fatal === null ? null : errorReport(fatal),
    phases,
    listeners: [
      ...facts.runs.map((run) => run.toReport()),
      ...facts.notCalled.map(notCalledReport),
    ],
    ...(forcedEnd === undefined
      ? {}
      : { resources: forcedEnd.resources, inFlight: forcedEnd.inFlight }),
    settings: { wrapUpTimeMs, hammerTimeMs, waitTimeMs },
  };
}

/** The report of a listener that was never called, as the stop was forced before its turn. */
function notCalledReport({ name, phase, stage }: Entry): ListenerReport {
  const where = stage === undefined ? { phase } : { phase, stage };
  return { name, ...where, startMs: null, endMs: null, durationMs: 0, outcome: 'late' };
}

/** How often each name occurs. The same names follow each other: of 10,000 sockets only the first is looked up. */
export function countEach(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  let from = 0;
  for (let at = 1; at <= names.length; at++) {
    const name = names[from] as string;
    if (names[at] === name) continue;
    counts[name] = (counts[name] ?? 0) + at - from;
    from = at;
  }
  return counts;
}
