import { LastcallError } from '@lastcall/proc';
import type { Command } from 'commander';
import type { CliEnvironment } from '../cli-environment';
import { addCommand, type CommandContext } from '../command-context';
import type { Printer } from '../printer';
import { askControl } from '../target/control-client';
import { findTarget, type Target } from '../target/find-target';
import { type Reloaded, reloadBySignal } from '../target/reload-by-signal';
import { waitUntil, watchEnd } from '../target/signal-control';
import { whoReplaces } from '../target/who-replaces';
import { formatDuration } from '../view/units';
import { durationOption } from './duration-option';

interface ReloadOptions {
  readonly timeout: number;
  readonly waitDrained?: boolean;
}

const HELP = `
Waits until the new generation has taken over, and says so; exit code 1 when the upgrade failed, with what serves now.
Of several workers those that were replaced before one failed stay new, and the others old: reload again replaces all.
The old processes then finish what they have in flight; with --wait-drained it waits for their end, too.
By SIGHUP where there is no control socket: then the end of the old process tells how it went, and a pid file who came after it.

Examples:
  lastcall reload api
  lastcall reload /run/api.pid --timeout 120`;

/** `lastcall reload`: replaces a process, or the workers of a supervisor, without downtime. */
export function addReloadCommand(program: Command, context: CommandContext): void {
  addCommand(program, 'reload', 'replace a service by its new version, without downtime')
    .argument('<target>', 'pid, pid file or name')
    .addOption(durationOption('-t, --timeout <seconds>', 'how long it may take', 120_000))
    .option('-w, --wait-drained', 'wait also until the old processes have ended')
    .addHelpText('after', HELP)
    .action(async (name: string, options: ReloadOptions, command) => {
      const { environment } = context;
      const printer = context.printer(command);
      const found = await findTarget(environment, name);
      const target = await whoReplaces(environment, printer, found);
      const end = environment.now() + options.timeout;
      const {
        pids,
        draining = [],
        drainMs,
      }: Reloaded = target.control === null
        ? await reloadBySignal(environment, printer, target, options.timeout)
        : await overControl(target, target.control.path, printer, options.timeout);
      const left = livingOf(environment, draining);
      const waitMs = options.waitDrained === true ? end - environment.now() : 0;
      const areGone = await waitUntil(environment, waitMs, () => left().length === 0);
      if (options.waitDrained === true && !areGone) throw notDrained(pids, left(), options.timeout);
      const result = { pids, draining: left() };
      printer.result(result, () => describe({ ...result, drainMs }));
    });
}

async function overControl(
  { pid }: Target,
  path: string,
  printer: Printer,
  timeoutMs: number,
): Promise<Reloaded> {
  const answer = await askControl<'reload'>(
    path,
    { command: 'reload' },
    { timeoutMs, progress: (line) => printer.progress(line) },
  );
  if (answer !== undefined) return answer;
  throw new LastcallError(
    'LASTCALL_CLI_NO_PROCESS',
    `process ${pid} ended during the upgrade; its log says why`,
  );
}

/** Tells, whenever it is called, which of these processes are not gone yet. */
function livingOf(environment: CliEnvironment, pids: readonly number[]): () => number[] {
  const watched = pids.map((pid) => ({ pid, hasEnded: watchEnd(environment, pid) }));
  return () => watched.filter(({ hasEnded }) => !hasEnded()).map(({ pid }) => pid);
}

function describe({ pids, draining = [], drainMs }: Reloaded): string {
  const serve = `reloaded: ${pids.join(', ')}`;
  if (draining.length === 0) return serve;
  const most = drainMs === undefined ? '' : `, for up to ${formatDuration(drainMs)}`;
  return `${serve} ${verb(pids, 'serve')}; ${draining.join(', ')} ${verb(draining, 'drain')}${most}`;
}

function verb(pids: readonly number[], word: string): string {
  return pids.length === 1 ? `${word}s` : word;
}

function notDrained(
  pids: readonly number[],
  left: readonly number[],
  timeoutMs: number,
): LastcallError {
  const has = left.length === 1 ? 'has' : 'have';
  return new LastcallError(
    'LASTCALL_CLI_LATE',
    `${pids.join(', ')} ${verb(pids, 'serve')}, but ${left.join(', ')} ${has} not drained within ${timeoutMs / 1000} s (--timeout); that goes on`,
  );
}
