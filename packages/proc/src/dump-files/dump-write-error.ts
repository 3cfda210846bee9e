import { types } from 'node:util';
import { LastcallError, toError } from '../lastcall-error';

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT']);

/** What to do, by the code of the file system's error. */
const ADVICE: Readonly<Record<string, string>> = {
  EROFS: 'the file system is read-only: mount a writable volume and set dumpDir to it',
  ENOSPC: 'make room, or set dumpDir to another file system',
  EDQUOT: 'a quota is used up: make room, or set dumpDir to another file system',
  EFBIG:
    'the file is larger than the process may write (ulimit -f): raise that limit, or record less',
  EMFILE: 'the process has too many open files: raise the limit (ulimit -n)',
  ENFILE: 'the system has too many open files',
  ERR_ACCESS_DENIED: 'run Node with --allow-fs-read and --allow-fs-write for that directory',
};

/** Turns what went wrong while writing below `directory` into the error that says so. */
export function toDumpError(reason: unknown, directory: string): LastcallError {
  if (reason instanceof LastcallError) return reason;
  // Not instanceof: where code runs in a vm context, as under Jest, errors of Node are of another realm.
  const cause: NodeJS.ErrnoException = types.isNativeError(reason) ? reason : toError(reason);
  const code = cause.code ?? '';
  const advice = ADVICE[code] ?? 'set dumpDir to a directory that this process can write to';
  return new LastcallError(
    NO_SPACE.has(code) ? 'LASTCALL_DUMP_NO_SPACE' : 'LASTCALL_DUMP_NOT_WRITTEN',
    `no dump file was written to ${directory}: ${cause.message}; ${advice}`,
    { cause },
  );
}
