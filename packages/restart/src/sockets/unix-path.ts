import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { LastcallError } from '@lastcall/proc';
import type { RestartEnvironment } from '../restart-environment';

/** How long a server behind a path may take to accept before it counts as gone, in milliseconds. */
const PROBE_MS = 1000;

/** How many bytes the path of a unix socket has room for; libuv, up to Node 22, cuts off what is longer. */
const MAX_BYTES = { linux: 107, other: 103 };
/** A name of so many characters is nobody else's. */
const MIN_NAME = 6;
const MAX_NAME = 12;

/**
 * Where a unix socket is bound before it is renamed to `path`. libuv removes the path that it bound when it closes the
 * socket, whoever serves it by then: after the rename it removes a name that is gone.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION` when the path is too long
 */
export function temporaryPath(environment: RestartEnvironment, path: string): string {
  const { pid, platform } = environment;
  const max = longestPath(platform);
  if (bytes(path) > max) throw tooLong(path, max);
  const telling = `${path}.${pid}.tmp`;
  if (bytes(telling) <= max) return telling;
  const room = max - bytes(join(dirname(path), 'x')) + 1;
  if (room < MIN_NAME) throw tooLong(path, max);
  const hash = createHash('sha256').update(`${pid} ${path}`).digest('base64url');
  return join(dirname(path), `.${hash}`.slice(0, Math.min(room, MAX_NAME)));
}

/** How many bytes the path of a unix socket may have. */
export function longestPath(platform: NodeJS.Platform): number {
  return platform === 'linux' ? MAX_BYTES.linux : MAX_BYTES.other;
}

function bytes(text: string): number {
  return Buffer.byteLength(text);
}

function tooLong(path: string, max: number): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `the socket cannot be bound: there is no room for its path of ${bytes(path)} bytes (at most ${max}, and a name of at least ${MIN_NAME} in it): ${path}; choose a shorter one`,
  );
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

/**
 * The same before it returns, for callers that cannot wait: it takes a process of its own to ask who serves the path.
 *
 * @throws LastcallError `LASTCALL_SOCKET_IN_USE`
 */
export function assertPathFreeNow(environment: RestartEnvironment, path: string): void {
  const facts = environment.stat(path);
  if (facts === null) return;
  if (!facts.isSocket) throw inUse(path, 'is a file, and no socket');
  const { execPath } = environment;
  const code = environment.runToEnd(execPath, ['-e', PROBE, path], 10 * PROBE_MS);
  if (code === SERVED) throw inUse(path, 'is served by another process');
  if (code !== FREE) throw inUse(path, 'exists, and whether it is served cannot be found out');
}

/** Exit codes of the process that asks; Node's own are lower. */
const FREE = 40;
const SERVED = 41;

/** What {@link isServed} does, as a program. */
const PROBE = `
const socket = require('node:net').connect(process.argv[1]);
const end = (isServed) => process.exit(isServed ? ${SERVED} : ${FREE});
socket.once('connect', () => end(true));
socket.once('error', ({ code }) => end(!['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'].includes(code)));
socket.setTimeout(${PROBE_MS}, () => end(true));`;

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const answer = (isIt: boolean) => (): void => {
      probe.destroy();
      resolve(isIt);
    };
    probe.once('connect', answer(true));
    probe.once('error', (error) => answer(!saysNobody(error))());
    probe.setTimeout(PROBE_MS, answer(true));
  });
}

/** Whether it proves that nobody listens. A full queue (EAGAIN) proves the opposite; where one may not ask, nothing is known. */
export function saysNobody({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'ENOTSOCK';
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
