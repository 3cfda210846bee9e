import type { Report } from './report';

/** What a stop comes to, before it is decided how the process ends. */
export type StopOutcome = Omit<Report, 'exit' | 'ok'>;

/** Whether nothing went wrong in a stop. */
export function isOk({ forced, fatal, listeners }: StopOutcome): boolean {
  return forced === null && fatal === null && listeners.every(({ outcome }) => outcome === 'ok');
}

/** An error as the report shows it. */
export function errorReport(error: Error): {
  name: string;
  message: string;
  code?: string;
  stack?: string;
} {
  const { code } = error as { code?: unknown };
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
  };
}

/** How often each name occurs. */
export function countEach(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
