import { LastcallError } from '../lastcall-error';
import { DUMP_SCHEMA, type DumpDocument } from './dump-document';

/** Lists and objects that a dump has, as paths. */
const LISTS = [
  'activities.oldest',
  'awaits.groups',
  'awaits.listeners',
  'awaits.resources',
  'handles.groups',
  'handles.list',
  'lifecycle.listeners',
  'warnings',
] as const;
const OBJECTS = ['activities.counts', 'keepsAlive', 'loop', 'memory', 'process', 'stats'] as const;

/**
 * Whether `value` is a dump: what was parsed of a file may be anything.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION`, which calls it `what`
 */
export function assertDump(value: unknown, what: string): asserts value is DumpDocument {
  const schema = at(value, 'schema');
  if (schema !== DUMP_SCHEMA)
    throw notADump(what, `its schema is ${JSON.stringify(schema) ?? 'missing'}`);
  if (Number.isNaN(Date.parse(String(at(value, 'time')))))
    throw notADump(what, "'time' is no time");
  const broken =
    LISTS.find((path) => !Array.isArray(at(value, path))) ??
    OBJECTS.find((path) => !isObject(at(value, path)));
  if (broken !== undefined) throw notADump(what, `'${broken}' is missing`);
}

function at(value: unknown, path: string): unknown {
  let found = value;
  for (const name of path.split('.')) found = isObject(found) ? found[name] : undefined;
  return found;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function notADump(what: string, why: string): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `${what} must be a dump, the 'json' of proc.dump() or of its file (schema '${DUMP_SCHEMA}'): ${why}`,
  );
}
