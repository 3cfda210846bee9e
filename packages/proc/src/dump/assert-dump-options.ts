import { assertOptionsObject, describe } from '../check-options';
import { LastcallError } from '../lastcall-error';
import type { DumpOptions } from './dump';

const OPTIONS = ['reason', 'awaits', 'howToInsist', 'write'] as const;
const AWAITS = ['auto', 'always', 'never'] as const;

/** @throws LastcallError `LASTCALL_BAD_OPTION` */
export function assertDumpOptions(options: DumpOptions): void {
  assertOptionsObject('dump()', options, OPTIONS);
  const { awaits, write, reason, howToInsist } = options;
  if (awaits !== undefined && !AWAITS.includes(awaits))
    throw bad('awaits', AWAITS.map((value) => `'${value}'`).join(', '), awaits);
  if (write !== undefined && typeof write !== 'boolean') throw bad('write', 'true or false', write);
  if (reason !== undefined && typeof reason !== 'string') throw bad('reason', 'a string', reason);
  if (howToInsist !== undefined && typeof howToInsist !== 'string')
    throw bad('howToInsist', 'a string', howToInsist);
}

function bad(option: string, allowed: string, value: unknown): LastcallError {
  const message = `option '${option}' of dump() must be ${allowed}, got ${describe(value)}`;
  return new LastcallError('LASTCALL_BAD_OPTION', message);
}
