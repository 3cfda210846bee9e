import fs from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import type { DumpHost } from './dump-host';

/** The operating system as this process sees it. */
export function createProcessDumpHost(): DumpHost {
  return {
    pid: process.pid,
    // The effective user: a process may have changed it, and it is whom new files belong to.
    uid: process.geteuid?.(),
    files: fs,
    hostname,
    temporaryDirectory: tmpdir,
    wallClock: () => Date.now(),
    isAlive,
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, and is somebody else's.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
