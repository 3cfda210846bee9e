import { chmodSync, linkSync, lstatSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { dirname, join } from 'node:path';
import type { ListenTarget } from '../protocol';

/** Where a server listens, and what gives a unix socket's name free again. */
export interface Listening {
  readonly address: string;
  remove(): void;
}

/** Makes `server` listen. Rejects with the error of the operating system, `EADDRINUSE` for one. */
export async function listen(server: Server, target: ListenTarget): Promise<Listening> {
  if ('path' in target) return listenOnPath(server, target.path);
  await bind(server, { host: target.host, port: target.port, exclusive: true });
  const { address, family, port } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  return { address: `http://${host}:${port}`, remove: () => {} };
}

/**
 * A unix socket that only its owner may use from its first instant on: it is bound in a private directory, gets its mode
 * there, and is then moved to its name. A thread cannot change the umask.
 */
async function listenOnPath(server: Server, path: string): Promise<Listening> {
  if (process.platform === 'win32') {
    await bind(server, { path });
    return { address: path, remove: () => {} };
  }
  await makeWay(path);
  const folder = mkdtempSync(join(dirname(path), '.lc'));
  try {
    const socket = join(folder, 's');
    await bind(server, { path: socket });
    chmodSync(socket, 0o600);
    claim(socket, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const { ino } = lstatSync(path);
  return { address: path, remove: () => removeOurs(path, ino) };
}

/** Not over the socket of a process that started at the same time: a rename would replace it, and nobody reach that process. */
function claim(socket: string, path: string): void {
  try {
    linkSync(socket, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw inUse(path);
    // No hard links here.
    renameSync(socket, path);
  }
}

/** Not what another process has put there since. */
function removeOurs(path: string, ino: number): void {
  try {
    if (lstatSync(path).ino === ino) rmSync(path);
  } catch {
    // It is gone already.
  }
}

/** Removes a socket that nobody listens on any more. Rejects for one in use, and for files of another kind. */
async function makeWay(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw systemError('EEXIST', `${path} exists and is no socket`);
  if (await isAnswered(path)) throw inUse(path);
  // Another process that starts may have replaced it meanwhile, by a socket that may have got its number.
  const now = lstatSync(path, { throwIfNoEntry: false });
  if (now?.ino === found.ino && now.ctimeMs === found.ctimeMs) rmSync(path, { force: true });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const answer = (isOpen: boolean) => (): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', answer(true)).once('error', answer(false));
    // Its queue is full: somebody listens.
    socket.setTimeout(1000, answer(true));
  });
}

function bind(server: Server, options: Parameters<Server['listen']>[0] & object): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function inUse(path: string): Error {
  return systemError('EADDRINUSE', `address already in use ${path}`);
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
