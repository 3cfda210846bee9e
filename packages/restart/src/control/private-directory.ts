import { lstatSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { LastcallError } from '@lastcall/proc';

/**
 * Makes a directory, with mode 0700, and its parents where they are missing; one that exists must be the user's own.
 *
 * Whoever may write into it could put a socket of his own in the place of ours.
 *
 * @throws LastcallError `LASTCALL_CONTROL_NOT_STARTED`; and what the file system throws
 */
export function makePrivateDirectory(path: string): void {
  makeOne(path);
  if (process.getuid === undefined) return;
  const entry = lstatSync(path);
  const isOurs = entry.isDirectory() && entry.uid === process.getuid();
  if (isOurs && (entry.mode & 0o077) === 0) return;
  throw new LastcallError(
    'LASTCALL_CONTROL_NOT_STARTED',
    `${path} is not a directory of this user alone (mode 0700); correct or remove it, or set LASTCALL_CONTROL_DIR`,
  );
}

function makeOne(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    // A missing parent is made as private: it is ours too.
    makeOne(dirname(path));
    mkdirSync(path, { mode: 0o700 });
  }
}
