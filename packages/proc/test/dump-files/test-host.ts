import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DumpFileSystem, DumpHost } from '../../src/dump-files/dump-host';
import { createProcessDumpHost } from '../../src/dump-files/process-dump-host';

/** A new directory of this test. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(realpathSync(tmpdir()), 'lastcall-dump-files-'));
}

/** The real operating system, with another directory for temporary files, and whatever else is given. */
export function testHost(changes: Partial<DumpHost> = {}): DumpHost {
  const directory = temporaryDirectory();
  return { ...createProcessDumpHost(), temporaryDirectory: () => directory, ...changes };
}

/** The real file system, except for the calls given. */
export function fileSystem(changes: Partial<DumpFileSystem>): DumpFileSystem {
  return { ...createProcessDumpHost().files, ...changes };
}

/** An error as the file system throws it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** What `fn` throws. */
export function thrownBy(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
