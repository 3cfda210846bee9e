import { LastcallError } from '../lastcall-error';
import { openDumpDirectory } from './dump-directory';
import {
  formatDumpFileName,
  toExtensionPart,
  toHostPart,
  toKindPart,
  toServicePart,
  toTimestamp,
} from './dump-file-name';
import type { DumpHost } from './dump-host';
import { type DumpLimitOptions, type DumpLimits, resolveDumpLimits } from './dump-limits';
import { toDumpError } from './dump-write-error';
import { pruneDumpFiles, sweepPartialFiles } from './own-files';
import { createProcessDumpHost } from './process-dump-host';
import { publishFile } from './publish-file';

/** Where dump files go and what they are called. */
export interface DumpFileOptions {
  /**
   * The directory, made where it is missing. Default: `lastcall-<uid>` in the directory for temporary files.
   *
   * One that others can write to, or that is not ours, gets a private subdirectory `lastcall-<uid>`.
   */
  readonly dir?: string | undefined;
  /** Name of the service: how file names begin. Characters other than letters, digits, `.`, `_` and `-` become `_`. */
  readonly name: string;
  /** How much the files may take. */
  readonly limits?: DumpLimitOptions | undefined;
}

/** A file that was written. */
export interface WrittenFile {
  /** Absolute path. */
  readonly path: string;
  readonly bytes: number;
}

/**
 * Writes diagnostic files where nobody else can read, replace or redirect them.
 *
 * Files have mode 0600 and appear under their name only when complete; nothing that exists is ever overwritten or
 * written through. Old files of the same service go when there are too many. Writing is synchronous, so that it works in
 * a process whose event loop is stuck or which is about to end. Nothing is touched before the first write.
 */
export class DumpFiles {
  readonly #dir: string | undefined;
  readonly #service: string;
  readonly #limits: DumpLimits;
  readonly #host: DumpHost;

  /** @throws LastcallError `LASTCALL_BAD_OPTION` where a limit is none */
  constructor(options: DumpFileOptions, host: DumpHost = createProcessDumpHost()) {
    // An empty text, of an environment variable for one, must not mean the working directory.
    this.#dir = options.dir === '' ? undefined : options.dir;
    this.#service = toServicePart(options.name);
    this.#limits = resolveDumpLimits(options.limits);
    this.#host = host;
  }

  /**
   * Writes `content` to a new file `<name>-<host>-<pid>-<kind>-<timestamp>.<extension>`.
   *
   * @param kind - what it is, one word: `dump`, `cpu`, `heap`, …
   * @param extension - without a dot
   * @param at - when it was taken, in milliseconds since the epoch; default now. Files that belong together share it.
   * @throws LastcallError `LASTCALL_DUMP_DIR_UNSAFE`, `LASTCALL_DUMP_TOO_LARGE`, `LASTCALL_DUMP_NO_SPACE` or
   * `LASTCALL_DUMP_NOT_WRITTEN` (with the error of the file system as `cause`), and nothing else; no file is left then
   */
  write(kind: string, extension: string, content: string | Uint8Array, at?: number): WrittenFile {
    try {
      return this.#write(kind, extension, content, at ?? this.#host.wallClock());
    } catch (error) {
      throw toDumpError(error, this.#dir ?? this.#host.temporaryDirectory());
    }
  }

  #write(kind: string, extension: string, content: string | Uint8Array, at: number): WrittenFile {
    const host = this.#host;
    this.#assertSize(kind, Buffer.byteLength(content));
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const directory = openDumpDirectory(host, this.#dir);
    sweepPartialFiles(host, directory, this.#service);
    this.#assertSpace(directory, bytes.byteLength);
    const name = {
      service: this.#service,
      host: toHostPart(host.hostname()),
      pid: host.pid,
      kind: toKindPart(kind),
      timestamp: toTimestamp(at),
      extension: toExtensionPart(extension),
    };
    const nameOf = (copy: number): string => formatDumpFileName({ ...name, copy });
    const path = publishFile(host.files, directory, nameOf, bytes);
    pruneDumpFiles(host, directory, this.#service, this.#limits, path);
    return { path, bytes: bytes.byteLength };
  }

  #assertSize(kind: string, bytes: number): void {
    const { maxFileBytes } = this.#limits;
    if (bytes <= maxFileBytes) return;
    throw new LastcallError(
      'LASTCALL_DUMP_TOO_LARGE',
      `the ${kind} file would have ${bytes} bytes, and at most ${maxFileBytes} are allowed; record less, or raise ` +
        'maxFileBytes',
    );
  }

  #assertSpace(directory: string, bytes: number): void {
    const space = spaceOf(this.#host, directory);
    if (space === undefined) return;
    const reserve = Math.min(this.#limits.minFreeBytes, space.total / 20);
    if (bytes + reserve <= space.free) return;
    throw new LastcallError(
      'LASTCALL_DUMP_NO_SPACE',
      `no dump file of ${bytes} bytes was written to ${directory}: ${space.free} bytes are free, of which ` +
        `${Math.ceil(reserve)} must stay so; make room, or set dumpDir to another file system`,
    );
  }
}

/** Undefined where the file system does not say; then the write itself finds out. */
function spaceOf(host: DumpHost, directory: string): { total: number; free: number } | undefined {
  try {
    const { blocks, bavail, bsize } = host.files.statfsSync(directory);
    return blocks > 0 ? { total: blocks * bsize, free: bavail * bsize } : undefined;
  } catch {
    return undefined;
  }
}
