import { LastcallError } from '@lastcall/proc';
import type { Command } from 'commander';
import type { CliEnvironment } from '../cli-environment';
import { addCommand, type CommandContext } from '../command-context';
import type { Printer } from '../printer';
import { askControl } from '../target/control-client';
import { findTarget, type Target } from '../target/find-target';
import { sendHandled, waitForEnd, waitUntil } from '../target/signal-control';
import { durationOption } from './duration-option';

const HELP = `
Waits until the new generation has taken over, and says so; exit code 1 when the upgrade failed and the old one serves on.
By SIGHUP where there is no control socket: then a pid file tells how it went, or the end of the old process.

Examples:
  lastcall reload api
  lastcall reload /run/api.pid --timeout 120`;

/** `lastcall reload`: replaces a process, or the workers of a supervisor, without downtime. */
export function addReloadCommand(program: Command, context: CommandContext): void {
  addCommand(program, 'reload', 'replace a service by its new version, without downtime')
    .argument('<target>', 'pid, pid file or name')
    .addOption(durationOption('-t, --timeout <seconds>', 'how long it may take', 120_000))
    .addHelpText('after', HELP)
    .action(async (name: string, { timeout }: { timeout: number }, command) => {
      const { environment } = context;
      const printer = context.printer(command);
      const target = await findTarget(environment, name);
      const pids =
        target.control === null
          ? await bySignal(environment, printer, target, timeout)
          : await overControl(target, target.control.path, printer, timeout);
      printer.result({ pids }, () => `reloaded: ${pids.join(', ')}`);
    });
}

async function overControl(
  { pid }: Target,
  path: string,
  printer: Printer,
  timeoutMs: number,
): Promise<readonly number[]> {
  const answer = await askControl<'reload'>(
    path,
    { command: 'reload' },
    { timeoutMs, progress: (line) => printer.progress(line) },
  );
  if (answer !== undefined) return answer.pids;
  throw new LastcallError(
    'LASTCALL_CLI_NO_PROCESS',
    `process ${pid} ended during the upgrade; its log says why`,
  );
}

async function bySignal(
  environment: CliEnvironment,
  printer: Printer,
  target: Target,
  timeout: number,
): Promise<readonly number[]> {
  const before = new Set(childrenOf(environment, target.pid));
  const fresh = new Set<number>();
  sendHandled(environment, target, 'SIGHUP');
  printer.progress(
    `SIGHUP sent to process ${target.pid}; without a control socket only its outcome is seen`,
  );
  const { pid, pidFile } = target;
  if (pidFile === null) {
    const look = (): void => {
      for (const child of childrenOf(environment, pid)) if (!before.has(child)) fresh.add(child);
    };
    if (!(await waitForEnd(environment, pid, timeout, look)))
      throw late(
        target,
        'it still runs: its log says whether the upgrade failed. `lastcall run` always stays: ask it as its user, with its LASTCALL_CONTROL_DIR',
      );
    const living = [...fresh].filter((child) => environment.kill(child, 0));
    if (living.length > 0) return living;
    throw new LastcallError(
      'LASTCALL_CLI_NO_PROCESS',
      `process ${pid} has ended, and nothing that it started is there: its log says why`,
    );
  }
  const read = (): number => Number.parseInt(environment.readText(pidFile)?.trim() ?? '', 10);
  const hasMoved = (): boolean => read() > 0 && read() !== pid;
  if (await waitUntil(environment, timeout, hasMoved)) return [read()];
  throw late(target, `${pidFile} still names it: its log says whether the upgrade failed`);
}

function childrenOf(environment: CliEnvironment, pid: number): number[] {
  const text = environment.readText(`/proc/${pid}/task/${pid}/children`) ?? '';
  return text
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);
}

function late({ pid }: Target, what: string): LastcallError {
  return new LastcallError('LASTCALL_CLI_LATE', `process ${pid} was not replaced in time: ${what}`);
}
