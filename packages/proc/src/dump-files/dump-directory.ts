import type { Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { LastcallError } from '../lastcall-error';
import type { DumpHost } from './dump-host';

/**
 * Finds, or makes, a directory that nobody but this user can write to, and returns its path.
 *
 * - Without `dir`: `lastcall-<uid>` in the directory for temporary files.
 * - With `dir`: that one, made (with its parents) where it is missing, if it is ours and only ours to write. A volume
 *   that is not, such as a Kubernetes emptyDir (root's, mode 0777), gets a directory `lastcall-<uid>` in it.
 *   A relative path starts at the working directory. A symbolic link is followed if it is ours or root's.
 *
 * A directory `lastcall-<uid>` is made with mode 0700. One that exists must be a directory and no symbolic link, be ours,
 * and give no rights to group and others: in a directory that everybody can write to, anybody may have put it there.
 *
 * For root the same holds: root's own directories only. On Windows, where users have no numbers and modes mean
 * nothing, `lastcall` stands for `lastcall-<uid>`, and only links are refused: the temporary directory of a user is
 * private there.
 *
 * @throws LastcallError `LASTCALL_DUMP_DIR_UNSAFE`; and what the file system throws
 */
export function openDumpDirectory(host: DumpHost, dir: string | undefined): string {
  if (dir === undefined) return openPrivate(host, host.temporaryDirectory());
  const path = resolve(dir);
  if (host.files.lstatSync(path, { throwIfNoEntry: false }) === undefined) {
    makeDirectory(host, path);
  }
  const entry = host.files.lstatSync(path);
  if (entry.isSymbolicLink() && !isOurs(host, entry) && entry.uid !== 0) {
    throw unsafe(path, `is a symbolic link of uid ${entry.uid}`);
  }
  const target = host.files.statSync(path);
  if (!target.isDirectory()) throw unsafe(path, 'is not a directory');
  if (isOurs(host, target) && !allows(host, target, 0o022)) return path;
  return openPrivate(host, path);
}

function openPrivate(host: DumpHost, parent: string): string {
  const path = join(parent, host.uid === undefined ? 'lastcall' : `lastcall-${host.uid}`);
  makeOneDirectory(host, path);
  // Looked at also when it was just made: some file systems keep neither owner nor mode.
  const entry = host.files.lstatSync(path);
  if (entry.isSymbolicLink()) throw unsafe(path, 'is a symbolic link');
  if (!entry.isDirectory()) throw unsafe(path, 'is not a directory');
  if (!isOurs(host, entry)) throw unsafe(path, `belongs to uid ${entry.uid}, not to ${host.uid}`);
  if (allows(host, entry, 0o077)) {
    throw unsafe(path, `is open to others (mode 0${(entry.mode & 0o777).toString(8)}, not 0700)`);
  }
  return path;
}

/** With its parents. Node's own `recursive` says ENOENT where it means EROFS. */
function makeDirectory(host: DumpHost, path: string): void {
  try {
    makeOneDirectory(host, path);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error;
    makeDirectory(host, parent);
    makeOneDirectory(host, path);
  }
}

function makeOneDirectory(host: DumpHost, path: string): void {
  try {
    host.files.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function isOurs(host: DumpHost, entry: Stats): boolean {
  return host.uid === undefined || entry.uid === host.uid;
}

function allows(host: DumpHost, entry: Stats, bits: number): boolean {
  return host.uid !== undefined && (entry.mode & bits) !== 0;
}

function unsafe(path: string, what: string): LastcallError {
  return new LastcallError(
    'LASTCALL_DUMP_DIR_UNSAFE',
    `no dump file was written: ${path} ${what}; remove or correct it, or set dumpDir to a directory that only this ` +
      'process can write to',
  );
}
