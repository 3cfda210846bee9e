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
  const path = reportPath(environment);
  if (path === undefined) return;
  try {
    environment.writeFile(path, `${toJson(report)}\n`);
  } catch (thrown) {
    warn(notWritten(`could not be written to '${path}'`, thrown));
  }
}

/** Says what is wrong when the file that `LASTCALL_REPORT` names cannot be written: at the end it is too late to mend that. */
export function reportWarning(environment: Environment): LastcallError | undefined {
  const path = reportPath(environment);
  if (path === undefined) return undefined;
  try {
    environment.assertWritable(path);
    return undefined;
  } catch (thrown) {
    return notWritten(`of this process cannot be written to '${path}' as things are`, thrown);
  }
}

function reportPath(environment: Environment): string | undefined {
  const path = environment.env('LASTCALL_REPORT')?.replaceAll('%p', String(environment.pid));
  return path === '' ? undefined : path;
}

function notWritten(what: string, thrown: unknown): LastcallError {
  const cause = toError(thrown);
  const message = `the report ${what} (LASTCALL_REPORT): ${cause.message}`;
  return new LastcallError('LASTCALL_REPORT_NOT_WRITTEN', message, { cause });
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
