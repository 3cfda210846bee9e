import {
  accessSync,
  constants,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * What keeps a file from being replaced, and not from being written: it is a mount of its own (the termination log of
 * Kubernetes is), or its folder may not be written to.
 */
const BAD_FOLDER: ReadonlySet<string | undefined> = new Set(['EBUSY', 'EACCES', 'EROFS']);

/** Replaces `path` atomically, readable and writable by the owner alone; where that cannot be done it is written in place. */
export function writeReportFile(path: string, text: string): void {
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing !== undefined && !existing.isFile() && !existing.isDirectory()) {
    // /dev/stdout, /dev/null, a pipe: written to, not replaced, and without waiting for a reader.
    writeWith(constants.O_NONBLOCK, path, text);
    return;
  }
  try {
    replaceFile(path, text);
  } catch (error) {
    if (!isWrittenInPlace(existing, error)) throw error;
    writeWith(constants.O_TRUNC | constants.O_NOFOLLOW, path, text);
  }
}

/** Throws what {@link writeReportFile} would, as far as that can be told without writing. */
export function assertReportWritable(path: string): void {
  try {
    const existing = statSync(path, { throwIfNoEntry: false });
    if (existing?.isDirectory()) throw new Error('it is a directory');
    const isReplaced = existing === undefined || existing.isFile();
    if (isReplaced) assertReplaceable(path, existing);
    else accessSync(path, constants.W_OK);
  } catch (error) {
    // Under --permission only the write itself tells: what may be written need not be readable.
    if (codeOf(error) !== 'ERR_ACCESS_DENIED') throw error;
  }
}

function assertReplaceable(path: string, existing: Stats | undefined): void {
  try {
    // The slash: of a file in place of the folder Node tells no sooner, from 22 on.
    accessSync(`${dirname(path)}/`, constants.W_OK);
  } catch (error) {
    if (!isWrittenInPlace(existing, error)) throw error;
    accessSync(path, constants.W_OK);
  }
}

function isWrittenInPlace(existing: Stats | undefined, error: unknown): boolean {
  return existing?.isFile() === true && BAD_FOLDER.has(codeOf(error));
}

function replaceFile(path: string, text: string): void {
  // A name of its own: a longer one than that of the file might be too long. PID 1 of a container is always the same: what
  // an earlier one left must not be in the way.
  const temporary = join(dirname(path), `.report-${process.pid}-${Date.now()}.tmp`);
  try {
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary, error);
    throw error;
  }
}

function writeWith(flags: number, path: string, text: string): void {
  writeFileSync(path, text, { flag: (constants.O_WRONLY | flags) as unknown as string });
}

function removeQuietly(path: string, cause: unknown): void {
  if (codeOf(cause) === 'EEXIST') return;
  try {
    unlinkSync(path);
  } catch {
    // It was never created.
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
