import { LastcallError } from '@lastcall/proc';
import type { SupervisorStop, WorkerStop } from '@lastcall/restart/control';
import type { Command } from 'commander';
import type { CliEnvironment } from '../cli-environment';
import { addCommand, type CommandContext } from '../command-context';
import { EXIT_CODES } from '../exit-codes';
import { printable } from '../printable';
import type { Printer } from '../printer';
import { askToStop } from '../target/ask-to-stop';
import { askControl } from '../target/control-client';
import { findTarget, type Target } from '../target/find-target';
import { processFacts } from '../target/process-facts';
import { send, shellOf, waitUntil, watchEnd } from '../target/signal-control';
import { sayStillThere } from '../target/still-there';
import { StopNote } from '../target/stop-note';
import { supervisorOf } from '../target/supervisor-of';
import { durationOption } from './duration-option';

interface StopOptions {
  readonly timeout: number;
  readonly kill?: boolean;
}

/** What is known of a stop afterwards. */
interface StopResult {
  readonly pid: number;
  /** Whether it had to be killed. */
  readonly killed: boolean;
  /** Null where the process did not say. */
  readonly report: object | null;
}

const HELP = `
Sends SIGTERM, tells what happens, and waits until the process is gone. Exit code 1 when something was cut or forced.
Of lastcall run, it is 1 when that was so in a worker, or a worker was killed. Without a control socket it is not known here: the
log says so. To stop what stops already is to wait for it: only --kill cuts a stop short.
A worker of lastcall run is started anew: name the service, or the process of lastcall run, to stop it.

Examples:
  lastcall stop api
  lastcall stop 4242 --timeout 30 --kill   by force after 30 seconds`;

/** `lastcall stop`: stops a process and waits until it is gone. */
export function addStopCommand(program: Command, context: CommandContext): void {
  addCommand(program, 'stop', 'stop a process, and wait until it is gone')
    .argument('<target>', 'pid, pid file or name')
    .addOption(durationOption('-t, --timeout <seconds>', 'how long it may take', 60_000))
    .option('-k, --kill', 'send SIGKILL when the time is over')
    .addHelpText('after', HELP)
    .action(async (name: string, options: StopOptions, command) => {
      const printer = context.printer(command);
      const target = await findTarget(context.environment, name);
      const result = await stop(context, printer, target, options);
      const isOk = !result.killed && (result.report as { ok?: boolean } | null)?.ok !== false;
      printer.result(result, () => describe(result, isOk));
      if (!isOk) context.onExitCode(EXIT_CODES.failed);
    });
}

async function stop(
  { environment }: CommandContext,
  printer: Printer,
  target: Target,
  { timeout, kill }: StopOptions,
): Promise<StopResult> {
  const { pid, control } = target;
  const hasEnded = watchEnd(environment, pid);
  const end = environment.now() + timeout;
  sayWhoseItIs(environment, printer, pid);
  sayIfShell(environment, printer, pid);
  const { report, again } = await askToStop(environment, printer, target, timeout);
  const say = sayStillThere(environment, printer, pid, timeout);
  const isOver = (): boolean => {
    const is = hasEnded();
    if (!is) say();
    return is;
  };
  if (await waitUntil(environment, end - environment.now(), isOver)) {
    new StopNote(environment, pid).remove();
    return { pid, killed: false, report };
  }
  if (kill !== true) throw tooLate(pid, timeout, again);
  printer.progress(`still there after ${timeout / 1000} s: SIGKILL`);
  const workers = control?.role === 'supervisor' ? await workersOf(control.path) : [];
  send(environment, pid, 'SIGKILL');
  await waitUntil(environment, KILL_MS, hasEnded);
  // Without it nobody would end them. Each leads a group of its own.
  for (const worker of workers) environment.kill(-worker, 'SIGKILL');
  new StopNote(environment, pid).remove();
  return { pid, killed: true, report: null };
}

/** Whoever ends a worker may mean the service, and wonder at what comes in its place. */
function sayWhoseItIs(environment: CliEnvironment, printer: Printer, pid: number): void {
  const supervisor = supervisorOf(environment, pid);
  if (supervisor?.lives !== true) return;
  printer.progress(
    `process ${pid} is a worker of process ${supervisor.pid}, which starts others: lastcall stop ${supervisor.pid} stops the service`,
  );
}

/** It ends, and the service does not: who is told of the end alone would take the service for stopped. */
function sayIfShell(environment: CliEnvironment, printer: Printer, pid: number): void {
  const shell = shellOf(processFacts(environment, pid)?.args[0]);
  if (shell === null) return;
  printer.progress(
    `process ${pid} is a shell (${shell}), which does not pass SIGTERM on: what it has started may live on, and is to be named itself`,
  );
}

function tooLate(pid: number, timeout: number, again: string): LastcallError {
  return new LastcallError(
    'LASTCALL_CLI_LATE',
    `process ${pid} has not ended within ${timeout / 1000} s, and its stop goes on; ${again}; lastcall dump ${pid} says what it waits for, --kill ends it`,
  );
}

/** Every process of a supervisor; none when it does not say. */
async function workersOf(path: string): Promise<number[]> {
  const options = { timeoutMs: STATUS_MS, progress: () => {} };
  const status = await askControl<'status'>(path, { command: 'status' }, options).catch(() => {});
  if (status?.role !== 'supervisor') return [];
  return status.workers.flatMap(({ pid, successor, draining }) =>
    [pid, successor?.pid, ...draining.map((other) => other.pid)].filter((one) => one != null),
  );
}

const STATUS_MS = 2000;

/** The kernel needs a moment, longer for a large process. */
const KILL_MS = 10_000;

function describe({ pid, killed, report }: StopResult, isOk: boolean): string {
  if (killed) return `process ${pid} was killed`;
  if (report === null) return `process ${pid} has ended`;
  const { durationMs, workers = [] } = report as Partial<SupervisorStop>;
  const bad = workers.filter(({ ok }) => !ok).map(describeWorker);
  const why = bad.join(', ') || 'something was cut, late or failed';
  return `process ${pid} has ended after ${durationMs} ms, ${isOk ? 'ok' : `not ok: ${why}`}`;
}

function describeWorker({ pid, end, killed }: WorkerStop): string {
  if (killed) return `worker ${pid} was killed (--kill-timeout)`;
  return `worker ${pid} (${printable(end)}) was not ok, its log says why`;
}
