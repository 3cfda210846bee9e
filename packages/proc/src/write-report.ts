import type { Environment } from './environment';
import { LastcallError, toError } from './lastcall-error';
import type { Report } from './report';

/**
 * Writes `report` as JSON to the file that `LASTCALL_REPORT` names, if it does; `%p` in the name is the pid. Synchronous: the
 * process is about to die.
 */
export function writeReport(
  environment: Environment,
  report: Report,
  warn: (error: LastcallError) => void,
): void {
  const path = environment.env('LASTCALL_REPORT')?.replaceAll('%p', String(environment.pid));
  if (path === undefined || path === '') return;
  try {
    environment.writeFile(path, `${toJson(report)}\n`);
  } catch (thrown) {
    const cause = toError(thrown);
    const message = `the report could not be written to '${path}' (LASTCALL_REPORT): ${cause.message}`;
    warn(new LastcallError('LASTCALL_REPORT_NOT_WRITTEN', message, { cause }));
  }
}

/** What listeners say they cut is theirs: a circle or a getter that throws in it must not cost the whole report. */
function toJson(report: Report): string {
  try {
    return JSON.stringify(report, jsonValue, 2);
  } catch {
    const listeners = report.listeners.map((listener) =>
      listener.cut === undefined
        ? listener
        : { ...listener, cut: listener.cut.map(() => UNPRINTABLE) },
    );
    return JSON.stringify({ ...report, listeners }, jsonValue, 2);
  }
}

const UNPRINTABLE = '(not printable as JSON)';

/** What listeners return may hold values that JSON has no word for. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Error ? { name: value.name, message: value.message } : value;
}
