import { spawn, spawnSync } from 'node:child_process';
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { isatty } from 'node:tty';
import { isMainThread } from 'node:worker_threads';
import type { FileFacts, Remover, RestartEnvironment } from './restart-environment';

/** As of the import: the program may go elsewhere later. */
const CWD = orNull(() => process.cwd());

/** The environment of the running process. */
export function createProcessRestartEnvironment(): RestartEnvironment {
  return {
    pid: process.pid,
    ppid: process.ppid,
    platform: process.platform,
    isMainThread,
    isBun: 'bun' in process.versions,
    isClusterWorker: (require('node:cluster') as { isWorker: boolean }).isWorker,
    execPath: process.execPath,
    execArgv: process.execArgv,
    argv0: process.argv0,
    argv: process.argv,
    now: () => performance.now(),
    monotonicMicros: () => process.hrtime.bigint() / 1000n,
    setTimer,
    setTicker,
    isTerminal: () => isatty(0),
    env: (name) => process.env[name],
    unsetEnv: (name) => void delete process.env[name],
    startEnv,
    startArgs: () => readZeroSeparated('/proc/self/cmdline'),
    cwd: () => CWD,
    spawn: (command, args, options) => spawn(command, args, options),
    runToEnd,
    ipcFd: () => (process.channel as { readonly fd?: number } | undefined)?.fd ?? null,
    // The parent may be gone by now: then there is nobody to tell.
    sendHandle: (message, handle) => void process.send?.(message, handle as never, {}, () => {}),
    kill,
    startTimeOf,
    programOf: (pid) => readText(`/proc/${pid}/comm`)?.trim() ?? null,
    stat: (path) => orNull(() => factsOf(statSync(path, { bigint: true }))),
    fstat: (fd) => orNull(() => factsOf(fstatSync(fd, { bigint: true }))),
    realpath: (path) => orNull(() => realpathSync(path)),
    readText,
    replaceFile,
    rename: (from, to) => renameSync(from, to),
    remove: (path) => rmSync(path, { force: true }),
    closeFd: (fd) => void orNull(() => closeSync(fd)),
    openStream: (fd) => new Socket({ fd, readable: true, writable: true }),
  };
}

function setTimer(fn: () => void, delayMs: number): Remover {
  const timer = setTimeout(fn, delayMs);
  return () => clearTimeout(timer);
}

function setTicker(fn: () => void, everyMs: number): Remover {
  const timer = setInterval(fn, everyMs).unref();
  return () => clearInterval(timer);
}

/** Linux keeps what a process was started with: `process.env` may have been filled from files since. */
function startEnv(): NodeJS.ProcessEnv {
  const pairs = readZeroSeparated('/proc/self/environ');
  if (pairs === null) return { ...process.env };
  return Object.fromEntries(
    pairs
      .filter((pair) => pair.includes('='))
      .map((pair) => {
        const split = pair.indexOf('=');
        return [pair.slice(0, split), pair.slice(split + 1)];
      }),
  );
}

/** Options of Node that are meant for this process, such as a preload, are not for that one. */
function runToEnd(command: string, args: readonly string[], ms: number): number | null {
  const { NODE_OPTIONS, ...env } = process.env;
  const run = () => spawnSync(command, args, { env, stdio: 'ignore', timeout: ms });
  return orNull(run)?.status ?? null;
}

function readZeroSeparated(path: string): string[] | null {
  const text = readText(path);
  if (text === null || text === '') return null;
  return text.replace(/\0$/, '').split('\0');
}

function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    // Somebody else's process: it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function startTimeOf(pid: number): string | null {
  // The second field is the program's name in parentheses, which may contain anything; after it come the state and, as
  // field 22, the time of the start.
  const stat = readText(`/proc/${pid}/stat`);
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  // Dead, and its parent has not noticed: many a PID 1 never does.
  if (state === 'Z') return null;
  return fields[18] ?? null;
}

/**
 * Asked for with `bigint`: Node's `realpath()`, and so `require()`, looks at what the last other `stat` has left behind, and
 * leaves links as they are when that was a socket (seen in Node 22).
 */
function factsOf(stats: BigIntStats): FileFacts {
  return {
    inode: Number(stats.ino),
    device: Number(stats.dev),
    isSocket: stats.isSocket(),
    isDirectory: stats.isDirectory(),
  };
}

/** A named pipe that nobody writes to is empty: otherwise the system would wait for somebody. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

function readText(path: string): string | null {
  return orNull(() => {
    const fd = openSync(path, READ);
    try {
      // A device may have no end.
      return fstatSync(fd, { bigint: true }).isFile() ? readFileSync(fd, 'utf8') : null;
    } finally {
      closeSync(fd);
    }
  });
}

function replaceFile(path: string, text: string): void {
  // /dev/null and the like are not to be replaced by a file.
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false)
    throw new Error('there is something that is no file');
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    // Left over of a process of the same pid, or a link that somebody put there: neither is written to.
    rmSync(temporary, { force: true });
    writeFileSync(temporary, text, { mode: 0o644, flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function orNull<T>(fn: () => T): T | null {
  try {
    return fn();
  } catch {
    return null;
  }
}
