import { constants } from 'node:fs';
import { join } from 'node:path';
import { partialName } from './dump-file-name';
import type { DumpFileSystem } from './dump-host';

// Windows has no O_NOFOLLOW, and with O_EXCL follows no link either.
const CREATE_NEW: number =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** More copies than any burst of dumps makes within one millisecond. */
const MAX_COPIES = 1000;

/**
 * Writes `bytes` to a new file in `directory`, readable and writable by the owner alone, and returns its path.
 *
 * The file gets the first name of `nameOf(1)`, `nameOf(2)`, … that is free, and only when it is complete; on an error
 * nothing is left behind. What has a name already, a symbolic link included, is never written to or replaced.
 *
 * @throws what the file system throws
 */
export function publishFile(
  files: DumpFileSystem,
  directory: string,
  nameOf: (copy: number) => string,
  bytes: Uint8Array,
): string {
  const partial = join(directory, partialName(nameOf(1)));
  const descriptor = files.openSync(partial, CREATE_NEW, 0o600);
  try {
    writeAndClose(files, descriptor, bytes);
    for (let copy = 1; copy <= MAX_COPIES; copy++) {
      const path = join(directory, nameOf(copy));
      if (claim(files, partial, path)) return path;
    }
  } finally {
    removeQuietly(files, partial);
  }
  throw Object.assign(new Error(`EEXIST: every name is taken, ${nameOf(1)}`), { code: 'EEXIST' });
}

function writeAndClose(files: DumpFileSystem, descriptor: number, bytes: Uint8Array): void {
  try {
    // A umask may have taken rights from the owner too.
    whereAllowed(() => files.fchmodSync(descriptor, 0o600));
    for (let offset = 0; offset < bytes.byteLength; ) {
      const written = files.writeSync(descriptor, bytes, offset);
      if (written === 0)
        throw Object.assign(new Error('ENOSPC: wrote nothing'), { code: 'ENOSPC' });
      offset += written;
    }
    whereAllowed(() => files.fsyncSync(descriptor));
  } catch (error) {
    closeQuietly(files, descriptor);
    throw error;
  }
  // Not quietly: network file systems say only here that a write has failed.
  files.closeSync(descriptor);
}

/** Node's permission model denies calls on descriptors, and some file systems do not know them: neither loses a byte. */
const NOT_ALLOWED = new Set(['ERR_ACCESS_DENIED', 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EPERM']);

function whereAllowed(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!NOT_ALLOWED.has(codeOf(error))) throw error;
  }
}

/** Gives the complete file its name. False: the name is taken. */
function claim(files: DumpFileSystem, partial: string, path: string): boolean {
  try {
    files.linkSync(partial, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
  }
  // No hard links here (FAT, some network and FUSE file systems). If something else is wrong, this fails of it too.
  return claimByRename(files, partial, path);
}

/** A rename replaces what is there, so the name is first taken by an empty file, which only one caller can create. */
function claimByRename(files: DumpFileSystem, partial: string, path: string): boolean {
  try {
    files.closeSync(files.openSync(path, CREATE_NEW, 0o600));
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    files.renameSync(partial, path);
  } catch (error) {
    removeQuietly(files, path);
    throw error;
  }
  return true;
}

function removeQuietly(files: DumpFileSystem, path: string): void {
  try {
    files.unlinkSync(path);
  } catch {
    // It was renamed, or the directory is gone; a later write sweeps what may be left.
  }
}

function closeQuietly(files: DumpFileSystem, descriptor: number): void {
  try {
    files.closeSync(descriptor);
  } catch {
    // The error that led here says more.
  }
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}
