import type { Environment } from './environment';
import { LastcallError, toError } from './lastcall-error';
import type { Report } from './report';

/** Writes `report` as JSON to the file that `LASTCALL_REPORT` names, if it does. Synchronous: the process is about to die. */
export function writeReport(
  environment: Environment,
  report: Report,
  warn: (error: LastcallError) => void,
): void {
  const path = environment.env('LASTCALL_REPORT');
  if (path === undefined || path === '') return;
  try {
    environment.writeFile(path, `${JSON.stringify(report, jsonValue, 2)}\n`);
  } catch (thrown) {
    const cause = toError(thrown);
    const message = `the report could not be written to '${path}' (LASTCALL_REPORT): ${cause.message}`;
    warn(new LastcallError('LASTCALL_REPORT_NOT_WRITTEN', message, { cause }));
  }
}

/** What listeners return may hold values that JSON has no word for. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Error ? { name: value.name, message: value.message } : value;
}
