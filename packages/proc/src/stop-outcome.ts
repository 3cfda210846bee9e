import type { Entry } from './registration';
import type { ListenerReport, Report } from './report';

/** What a stop comes to, before it is decided how the process ends. */
export type StopOutcome = Omit<Report, 'exit' | 'ok'>;

/** Whether nothing went wrong in a stop. */
export function isOk({ forced, fatal, listeners }: StopOutcome): boolean {
  return forced === null && fatal === null && listeners.every(({ outcome }) => outcome === 'ok');
}

/** The report of a listener that was never called, as the stop was forced before its turn. */
export function notCalledReport({ name, phase, stage }: Entry): ListenerReport {
  const where = stage === undefined ? { phase } : { phase, stage };
  return { name, ...where, startMs: null, endMs: null, durationMs: 0, outcome: 'late' };
}

/** How often each name occurs. */
export function countEach(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
