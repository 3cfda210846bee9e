import type { LifecycleEvent } from './events';

/**
 * What a structured log gets of `event`: all of it but SQL and query strings, which are for the report that the owner alone can
 * read, and of what was cut no more than a line of log has room for. Its error is where pino and its like look for one.
 */
export function logFields(event: LifecycleEvent): object {
  const { error, ...fields } = withoutSecrets(event) as LifecycleEvent & { error?: Error };
  return { lastcall: fields, ...(error === undefined ? {} : { err: error }) };
}

/** A path without its query string. */
export function withoutQuery(path: unknown): string {
  return String(path).split('?', 1)[0] as string;
}

function withoutSecrets(event: LifecycleEvent): LifecycleEvent {
  if (event.type === 'listenerEnd') return bare(event);
  if (event.type !== 'report') return event;
  return { ...event, report: { ...event.report, listeners: event.report.listeners.map(bare) } };
}

function bare<T extends { readonly cut?: readonly unknown[] }>(told: T): T {
  return told.cut === undefined
    ? told
    : { ...told, cut: told.cut.slice(0, MOST_UNITS).map(bareUnit) };
}

/** Where logs are collected, a line of a megabyte is cut in pieces, or thrown away. The line of text has the number. */
const MOST_UNITS = 100;

/** A unit of work that was cut: one of an adapter, or whatever a listener of the application returns. */
function bareUnit(unit: unknown): unknown {
  if (typeof unit !== 'object' || unit === null || !('sql' in unit || 'path' in unit)) return unit;
  const { sql, ...fields } = unit as Record<string, unknown>;
  return 'path' in fields ? { ...fields, path: withoutQuery(fields.path) } : fields;
}
