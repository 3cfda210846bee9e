import { connect } from 'node:net';
import { LastcallError } from '@lastcall/proc';
import type { RestartEnvironment } from '../restart-environment';

/** How long a server behind a path may take to accept before it counts as gone, in milliseconds. */
const PROBE_MS = 1000;

/**
 * Where a unix socket is bound before it is renamed to `path`. libuv removes the path that it bound when it closes the
 * socket, whoever serves it by then: after the rename it removes a name that is gone.
 */
export function temporaryPath(environment: RestartEnvironment, path: string): string {
  return `${path}.${environment.pid}.tmp`;
}

/** Whether a socket of that path has a file: abstract sockets of Linux, and pipes of Windows, have none. */
export function isFilePath({ platform }: RestartEnvironment, path: string): boolean {
  return platform !== 'win32' && !path.startsWith('\0');
}

/**
 * Refuses a path that something else has: the rename would take it away from whoever serves it.
 *
 * @throws LastcallError `LASTCALL_SOCKET_IN_USE`
 */
export async function assertPathFree(environment: RestartEnvironment, path: string): Promise<void> {
  const facts = environment.stat(path);
  if (facts === null) return;
  if (!facts.isSocket) throw inUse(path, 'is a file, and no socket');
  if (await isServed(path)) throw inUse(path, 'is served by another process');
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const answer = (isIt: boolean) => (): void => {
      probe.destroy();
      resolve(isIt);
    };
    probe.once('connect', answer(true));
    probe.once('error', answer(false));
    // A full backlog: somebody has it, and is slow.
    probe.setTimeout(PROBE_MS, answer(true));
  });
}

function inUse(path: string, why: string): LastcallError {
  return new LastcallError(
    'LASTCALL_SOCKET_IN_USE',
    `the socket cannot be bound: ${path} ${why}; choose another path, or stop that process`,
  );
}

/** Removes the path of a socket, unless somebody else has taken the name since. */
export function removePath(
  environment: RestartEnvironment,
  path: string,
  pathInode: number | null,
): void {
  if (pathInode === null || environment.stat(path)?.inode !== pathInode) return;
  environment.remove(path);
}
