import { readFileSync } from 'node:fs';
import { constants as systemConstants } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { activeResources } from './active-resources';
import { onPrimaryGone } from './cluster-primary';
import type { DiagnosticsEnvironment } from './diagnostics/diagnostics-environment';
import type { Environment, Remover } from './environment';
import { onChannel } from './ipc-channel';
import { ignoreOutputErrors } from './output-errors';
import { nextTurn, setTimer } from './own-timers';
import { exit, exitCallStack, isExiting, runExitHandlers } from './process-exit';
import { assertReportWritable, writeReportFile } from './report-file';
import { watchWorkers } from './silent-workers';
import { socketEnds } from './socket-ends';
import { writeError } from './write-error';

/** Marks our own process handlers, so that any copy or version of lastcall can tell them from other people's. */
const ours = Symbol.for('@lastcall/proc.handler');

/** The environment of the running process. */
export function createProcessEnvironment(): Environment {
  return {
    pid: process.pid,
    platform: process.platform,
    isMainThread,
    now: () => performance.now(),
    wallClock: () => Date.now(),
    setTimer,
    env: (name) => process.env[name],
    onSignal,
    releaseSignal,
    signalHandlerCount: (signal) => process.listenerCount(signal),
    isSignalDisabled,
    isUnderNodemon,
    raise: (signal) => process.kill(process.pid, signal),
    onUncaught,
    onStopMessage,
    onExit,
    exitCallStack,
    onPrimaryGone,
    isExiting,
    runExitHandlers,
    exit,
    flush,
    nextTurn,
    isTerminal,
    isListening,
    activeResources,
    watchWorkers,
    socketEnds,
    writeError,
    ignoreOutputErrors,
    writeFile: writeReportFile,
    assertWritable: assertReportWritable,
    diagnostics,
    loadAhead,
    warn: (error) => process.emitWarning(error),
  };
}

function onSignal(signal: NodeJS.Signals, handler: (signal: NodeJS.Signals) => void): Remover {
  const listener = (received: NodeJS.Signals): void => handler(received);
  Object.defineProperty(listener, ours, { value: true });
  process.on(signal, listener);
  return () => process.off(signal, listener);
}

function releaseSignal(signal: NodeJS.Signals): void {
  for (const listener of process.listeners(signal)) {
    if (ours in listener) process.off(signal, listener as NodeJS.SignalsListener);
  }
}

function isSignalDisabled(signal: NodeJS.Signals): boolean {
  if (signal !== 'SIGUSR1') return false;
  const isBlocked = isSignalBlocked(signal);
  if (isBlocked !== undefined) return isBlocked;
  const options = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)];
  return options.includes('--disable-sigusr1');
}

/** Node blocks what it is to ignore, wherever it was told to: flags have several spellings, and there are files of them. */
function isSignalBlocked(signal: NodeJS.Signals): boolean | undefined {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const [, mask] = /^SigBlk:\s*([0-9a-f]+)$/m.exec(status) ?? [];
    const bit = BigInt(systemConstants.signals[signal] - 1);
    return mask === undefined ? undefined : ((BigInt(`0x${mask}`) >> bit) & 1n) === 1n;
  } catch {
    // Only Linux tells, and not under --permission.
    return undefined;
  }
}

function isUnderNodemon(): boolean {
  try {
    // nodemon starts programs through a shell, which may stay in between. Only Linux tells about other processes.
    const parent = process.ppid;
    return [parent, parentOf(parent)].some((pid) => isNodemon(pid));
  } catch {
    return false;
  }
}

function isNodemon(pid: number): boolean {
  const [, script = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  return /(^|\/)nodemon(\.js)?$/.test(script);
}

function parentOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
}

function onUncaught(handler: (error: unknown, origin: string) => void): Remover {
  // Rejections arrive here too (origin 'unhandledRejection') unless an 'unhandledRejection' listener of
  // somebody else takes them: an error reporter keeps its say.
  const listener = (error: unknown, origin: string): void => {
    // Thrown by an 'exit' handler: with a listener Node would end with the code that was meant.
    if (isExiting() && !process.exitCode) process.exitCode = 1;
    handler(error, origin);
  };
  process.on('uncaughtException', listener);
  return () => process.off('uncaughtException', listener);
}

function onStopMessage(handler: () => void): Remover {
  const underPm2 = process.env.pm_id !== undefined || process.platform === 'win32';
  if (process.channel === undefined || !underPm2) return () => {};
  return onChannel('message', (message) => {
    if (message === 'shutdown') handler();
  });
}

function onExit(handler: (code: number) => void): Remover {
  process.on('exit', handler);
  return () => process.off('exit', handler);
}

function flush(timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeoutMs);
    void Promise.allSettled([flushStream('stdout'), flushStream('stderr')]).then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function flushStream(name: 'stdout' | 'stderr'): Promise<void> {
  // The getter throws where the descriptor is closed: an async function turns that into a rejection.
  const stream = process[name];
  if (stream.destroyed || stream.writableEnded || stream.writableLength === 0) return;
  await new Promise<void>((resolve) => {
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}

// Modules of Node that only the end needs are loaded there: they are part of the binary, so no deploy can have replaced
// them on disk by then.

function isTerminal(): boolean {
  return (require('node:tty') as typeof import('node:tty')).isatty(0);
}

function isListening(): boolean {
  const resources = process.getActiveResourcesInfo();
  if (resources.includes('TCPServerWrap')) return true;
  const mayListen = resources.includes('PipeWrap') || resources.includes('TCPSocketWrap');
  if (mayListen && hasServer()) return true;
  // The primary owns the sockets of a cluster worker: nothing shows here.
  return (require('node:cluster') as { isWorker: boolean }).isWorker;
}

/**
 * A unix-socket server is a 'PipeWrap' like any stdio pipe, and a TCP server whose handle came from another process a
 * 'TCPSocketWrap'; only the handle's owner tells.
 */
function hasServer(): boolean {
  const { _getActiveHandles } = process as unknown as { _getActiveHandles?: () => unknown[] };
  try {
    const handles = _getActiveHandles?.call(process) ?? [];
    return handles.some((handle) => (handle as { listening?: unknown }).listening === true);
  } catch {
    // Whatever sits among the handles and throws: better a hold too many than a stop that breaks.
    return true;
  }
}

function diagnostics(): DiagnosticsEnvironment {
  return (
    require('./diagnostics/process-diagnostics') as typeof import('./diagnostics/process-diagnostics')
  ).createProcessDiagnostics();
}

function loadAhead(): Remover {
  return (
    require('./diagnostics/load-ahead') as typeof import('./diagnostics/load-ahead')
  ).loadAhead(diagnostics);
}
