import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { toError } from '@lastcall/proc';
import { formatBytes } from './view/units';

const CHUNK = 1 << 16;

/**
 * Reads a file of at most `most` bytes, and never waits: what is a named pipe, a device or a folder is none, whatever it is
 * called.
 *
 * @throws Error that says in words for people why it cannot be read
 */
export function readTextFile(path: string, most: number): string {
  // Otherwise the system waits until somebody writes into a named pipe.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new Error(`it is ${kindOf(stats)}, and no file`);
    return readAll(fd, most);
  } finally {
    closeSync(fd);
  }
}

/** The same, and null for what cannot be read. */
export function readTextOrNull(path: string, most: number): string | null {
  try {
    return readTextFile(path, most);
  } catch {
    return null;
  }
}

/** Why it cannot be read, in one clause. */
export function whyUnreadable(thrown: unknown): string {
  const { code, message } = toError(thrown) as NodeJS.ErrnoException;
  // Only opening it tells.
  return code === 'ENXIO' ? 'it is a socket, and no file' : message;
}

/** Those of /proc say that they have no bytes: the size tells nothing. */
function readAll(fd: number, most: number): string {
  const chunks: Buffer[] = [];
  for (let total = 0; ; ) {
    const chunk = Buffer.alloc(CHUNK);
    const count = readSync(fd, chunk, 0, CHUNK, null);
    if (count === 0) return Buffer.concat(chunks).toString('utf8');
    total += count;
    if (total > most) throw new Error(`it has more than ${formatBytes(most)}`);
    chunks.push(chunk.subarray(0, count));
  }
}

function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isDirectory()) return 'a folder';
  return stats.isSocket() ? 'a socket' : 'a device';
}
