import { LastcallError } from '@lastcall/proc';
import type { Command } from 'commander';
import type { CliEnvironment } from '../cli-environment';
import { addCommand, type CommandContext } from '../command-context';
import type { Printer } from '../printer';
import { askControl } from '../target/control-client';
import { findTarget, type Target } from '../target/find-target';
import { processFacts } from '../target/process-facts';
import { sendHandled, waitForEnd, waitUntil, watchEnd } from '../target/signal-control';
import { durationOption } from './duration-option';

const HELP = `
Waits until the new generation has taken over, and says so; exit code 1 when the upgrade failed and the old one serves on.
By SIGHUP where there is no control socket: then the end of the old process tells how it went, and a pid file who came after it.

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
  assertNoSupervisor(environment, target);
  const outcome =
    target.pidFile === null
      ? outcomeByEnd(environment, target, timeout)
      : outcomeByPidFile(environment, target, target.pidFile, timeout);
  sendHandled(environment, target, 'SIGHUP');
  printer.progress(
    `SIGHUP sent to process ${target.pid}; without a control socket only its outcome is seen`,
  );
  return outcome();
}

/** A supervisor stays when it replaces its workers: nothing would ever be seen of the outcome. */
function assertNoSupervisor(environment: CliEnvironment, { pid }: Target): void {
  const { args = [] } = processFacts(environment, pid) ?? {};
  const at = args.findIndex((arg) => /(^|\/)lastcall(\.js)?$/.test(arg));
  if (at === -1 || args[at + 1] !== 'run') return;
  throw new LastcallError(
    'LASTCALL_CLI_IMPOSSIBLE',
    `process ${pid} is lastcall run, and its control socket is not found: ask as its user, with its LASTCALL_CONTROL_DIR. ` +
      `kill -HUP ${pid} has it replace its workers, too, but only its log says what came of that`,
  );
}

/** How it went; what is to be compared with is looked at before the signal. */
type Outcome = () => Promise<readonly number[]>;

function outcomeByEnd(environment: CliEnvironment, target: Target, timeout: number): Outcome {
  const { pid } = target;
  const before = new Set(childrenOf(environment, pid));
  const fresh = new Set<number>();
  const look = (): void => {
    for (const child of childrenOf(environment, pid)) if (!before.has(child)) fresh.add(child);
  };
  return async () => {
    if (!(await waitForEnd(environment, pid, timeout, look)))
      throw late(target, 'it still runs: its log says whether the upgrade failed');
    const living = [...fresh].filter((child) => environment.kill(child, 0));
    if (living.length > 0) return living;
    throw new LastcallError(
      'LASTCALL_CLI_NO_PROCESS',
      `process ${pid} has ended, and nothing that it started is there: its log says why`,
    );
  };
}

/** A new generation writes the file when it is ready. The old one writes it again when that dies soon after. */
function outcomeByPidFile(
  environment: CliEnvironment,
  target: Target,
  pidFile: string,
  timeout: number,
): Outcome {
  const { pid } = target;
  const read = (): number => Number.parseInt(environment.readText(pidFile)?.trim() ?? '', 10);
  const hasEnded = watchEnd(environment, pid);
  const end = environment.now() + timeout;
  const until = (isSo: () => boolean): Promise<boolean> =>
    waitUntil(environment, end - environment.now(), isSo);
  return async () => {
    if (!(await until(() => read() > 0 && read() !== pid)))
      throw late(target, `${pidFile} still names it: its log says whether the upgrade failed`);
    // One that still drains when the time is over has long let the new one go.
    await until(() => hasEnded() || read() === pid);
    const now = read();
    if (!(now > 0))
      throw new LastcallError(
        'LASTCALL_CLI_NO_PROCESS',
        `${pidFile} names nobody any more: the service has ended, its log says why`,
      );
    if (now !== pid) return [now];
    throw new LastcallError(
      'LASTCALL_UPGRADE_ROLLED_BACK',
      `process ${pid} has taken its place back, as the new generation died: its log says why`,
    );
  };
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
