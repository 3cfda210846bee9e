import { rmSync } from 'node:fs';
import { type LastcallError, toError } from '@lastcall/proc';
import {
  createProcessRestartEnvironment,
  DEFAULT_SETTINGS,
  type GenerationEnd,
  type RestartEnvironment,
  SystemdNotifier,
  startCommandOf,
  takeActivatedSockets,
} from '@lastcall/restart/handover';
import { STOP_SIGNALS } from './exit-status';
import { HeldSockets } from './held-sockets';
import type { RunSettings } from './run-settings';
import { Supervisor } from './supervisor';
import { serveSupervisor } from './supervisor-control';
import type { SupervisorObserver } from './supervisor-parts';

/** Signals that are the program's. */
const FORWARDED = ['SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT', 'SIGALRM'] as const;

/**
 * Runs a service under a supervisor until it has ended.
 *
 * @returns how it ended
 * @throws LastcallError (as a rejection) `LASTCALL_UPGRADE_SPAWN_FAILED`
 */
export async function runService(
  settings: RunSettings,
  log: (text: string) => void,
): Promise<GenerationEnd> {
  const environment = inOwnSession(createProcessRestartEnvironment());
  const sockets = new HeldSockets(environment, takeActivatedSockets(environment));
  const started = startCommandOf(environment);
  // Generations and workers write to one stream: their lines are to say whose they are.
  const command = { ...started, env: { LASTCALL_LOG_PID: '1', ...started.env } };
  const { pidFile } = settings;
  const systemd = createNotifier(environment, log);
  const observer = observe(systemd, settings, log);
  const supervisor = new Supervisor({ environment, command, settings, sockets, log, observer });
  const removeHandlers = handleSignals(supervisor, environment);
  const control = serveSupervisor(supervisor, sockets, settings).catch((error: LastcallError) => {
    log(`no control socket: ${error.message}`);
    return null;
  });
  if (pidFile !== undefined) writePidFile(environment, pidFile, log);
  try {
    await supervisor.start();
    return await supervisor.ended;
  } finally {
    sockets.keepOnly([]);
    await (await control)?.close();
    if (pidFile !== undefined) removePidFile(environment, pidFile);
    await systemd.flushed();
    removeHandlers();
  }
}

function createNotifier(
  environment: RestartEnvironment,
  log: (text: string) => void,
): SystemdNotifier {
  const isOff = environment.env('LASTCALL_NOTIFY') === 'off';
  const settings = { ...DEFAULT_SETTINGS, notify: isOff ? 'off' : 'auto' } as const;
  return new SystemdNotifier({
    environment,
    settings: () => settings,
    warn: ({ message }) => log(message),
  });
}

/** The supervisor is the main process of the unit, and stays that: its workers tell systemd nothing. */
function observe(
  systemd: SystemdNotifier,
  { workers, readyTimeoutMs, bakeMs, killTimeoutMs }: RunSettings,
  log: (text: string) => void,
): SupervisorObserver {
  return {
    onDelay: (ms, why) => systemd.starting(ms, why),
    onPartlyUp: (generation, what) => {
      log(`${what}; lastcall reload, or SIGHUP, starts the next generation`);
      systemd.ready(generation, what);
    },
    onUp: () => {
      log(workers === 1 ? 'the worker is ready' : `${workers} workers are ready`);
      systemd.ready(1);
    },
    onRoll: () => systemd.reloading(workers * (readyTimeoutMs + bakeMs)),
    onRolled: (generation) => systemd.ready(generation),
    onRollFailed: (error) => systemd.reloadFailed(error),
    onRollRefused: (error) => systemd.reloadRefused(error),
    onStop: () => systemd.stopping(killTimeoutMs),
  };
}

/**
 * Workers get signals from the supervisor alone: on a terminal Ctrl-C goes to all processes of a group, and the second SIGINT
 * would kill them in the middle of their stop.
 */
function inOwnSession(environment: RestartEnvironment): RestartEnvironment {
  const { spawn } = environment;
  return {
    ...environment,
    spawn: (file, args, options) => spawn(file, args, { ...options, detached: true }),
  };
}

function handleSignals(supervisor: Supervisor, environment: RestartEnvironment): () => void {
  const isTerminal =
    environment.isTerminal() && environment.env('LASTCALL_UPGRADE_ON_TERMINAL') !== 'true';
  const handlers: [NodeJS.Signals, () => void][] = [
    ...STOP_SIGNALS.map((name): [NodeJS.Signals, () => void] => [
      name,
      () => supervisor.stop(name),
    ]),
    ...FORWARDED.map((name): [NodeJS.Signals, () => void] => [
      name,
      () => supervisor.forward(name),
    ]),
    // A terminal that is closed says so with the same signal.
    ['SIGHUP', () => (isTerminal ? supervisor.stop('SIGHUP') : supervisor.onReloadSignal())],
  ];
  for (const [name, handler] of handlers) process.on(name, handler);
  return () => {
    for (const [name, handler] of handlers) process.off(name, handler);
  };
}

function writePidFile(
  environment: RestartEnvironment,
  path: string,
  log: (text: string) => void,
): void {
  try {
    environment.replaceFile(path, `${environment.pid}\n`);
  } catch (thrown) {
    log(`the pid file ${path} could not be written: ${toError(thrown).message}`);
  }
}

/** Unless another process has written it since. */
function removePidFile(environment: RestartEnvironment, path: string): void {
  if (environment.readText(path)?.trim() === String(environment.pid)) rmSync(path, { force: true });
}
