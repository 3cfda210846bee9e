import type { ProcessStatus, SupervisorStatus } from '@lastcall/restart/control';
import type { Command } from 'commander';
import type { CliEnvironment } from '../cli-environment';
import { addCommand, type CommandContext } from '../command-context';
import { printable } from '../printable';
import type { Printer } from '../printer';
import { askControl } from '../target/control-client';
import { findTarget, liveControls, type Target } from '../target/find-target';
import { type ProcessFacts, processFacts } from '../target/process-facts';
import { formatStack } from '../view/stack-text';
import { formatBytes, formatDuration } from '../view/units';

const HELP = `
Without a target it lists the processes with a control socket.

Examples:
  lastcall status               what runs here
  lastcall status api           by name
  lastcall status /run/api.pid  by pid file, also without a control socket`;

/** A main thread that is blocked takes half a second to be found so, and up to one to be looked at. */
const TIMEOUT_MS = 5000;

/** `lastcall status`: what a process is doing. */
export function addStatusCommand(program: Command, context: CommandContext): void {
  addCommand(program, 'status', 'say what a process is doing, also a blocked one')
    .argument('[target]', 'pid, pid file or name')
    .addHelpText('after', HELP)
    .action(async (target: string | undefined, _options, command) => {
      const printer = context.printer(command);
      if (target === undefined) await list(context.environment, printer);
      else await show(context.environment, printer, await findTarget(context.environment, target));
    });
}

async function list(environment: CliEnvironment, printer: Printer): Promise<void> {
  const controls = await liveControls(environment);
  const states = await Promise.all(
    controls.map((control) => statusOf(control.path).catch(() => undefined)),
  );
  const rows = controls.map(({ name, pid, role }, index) => {
    const status = states[index];
    const state = status === undefined ? 'unknown' : stateOf(status);
    return { name, pid, role, state, uptimeMs: status?.process.uptimeMs ?? null };
  });
  printer.result(rows, () => {
    if (rows.length === 0) return 'no process has a control socket';
    return rows
      .map(
        ({ name, pid, role, state, uptimeMs }) =>
          `${String(pid).padStart(8)}  ${printer.colors.bold(name.padEnd(20))} ${role.padEnd(10)} ${state}, up ${formatDuration(uptimeMs ?? 0)}`,
      )
      .join('\n');
  });
}

function statusOf(path: string): Promise<ProcessStatus | SupervisorStatus | undefined> {
  return askControl<'status'>(
    path,
    { command: 'status' },
    { timeoutMs: TIMEOUT_MS, progress: () => {} },
  );
}

function stateOf(status: ProcessStatus | SupervisorStatus): string {
  if (status.role === 'supervisor') return status.state;
  const { mainThread, lifecycle } = status;
  return mainThread.responsive ? lifecycle.state : 'blocked';
}

async function show(environment: CliEnvironment, printer: Printer, target: Target): Promise<void> {
  const status = target.control === null ? undefined : await statusOf(target.control.path);
  if (status !== undefined) {
    printer.result(status, () =>
      status.role === 'service' ? serviceText(status, printer) : supervisorText(status, printer),
    );
    return;
  }
  const facts = processFacts(environment, target.pid);
  const told = facts === null ? null : { ...facts, caught: [...(facts.caught ?? [])] };
  printer.result({ role: 'unknown', pid: target.pid, facts: told }, () => factsText(target, facts));
}

function serviceText(status: ProcessStatus, { colors }: Printer): string {
  const { process: self, lifecycle, restart, memory, mainThread, activities } = status;
  const { health, listeners, reason, stage, stoppingMs } = lifecycle;
  const running = listeners.filter(({ state }) => state === 'running').map(({ name }) => name);
  const counts = Object.entries(activities).map(([kind, count]) => `${count} ${kind}`);
  return [
    `${colors.bold(printable(self.name))} pid ${self.pid} on ${printable(self.host)}, node ${self.node}, up ${formatDuration(self.uptimeMs)}`,
    `  state    ${lifecycle.state}, ${health.ready ? colors.green('ready') : colors.yellow('not ready')}`,
    ...(mainThread.responsive
      ? []
      : [
          `  ${colors.red('blocked')}  the main thread has not answered for ${mainThread.blockedMs} ms; the rest is what was known before`,
          ...formatStack(mainThread.stack),
        ]),
    ...(reason === null
      ? []
      : [
          `  stop     by ${printable(reason)}, for ${formatDuration(stoppingMs ?? 0)}${stage === null ? '' : `, stage ${stage}`}${running.length === 0 ? '' : `, waits for ${printable(running.join(', '))}`}`,
        ]),
    `  flight   ${counts.length === 0 ? 'nothing known' : printable(counts.join(', '))}`,
    `  memory   rss ${formatBytes(memory.rssBytes)}, heap ${formatBytes(memory.heapUsedBytes)}`,
    ...(restart === null
      ? []
      : [
          `  restart  generation ${restart.generation}, ${restart.state}${restart.topology === null ? '' : `, ${restart.topology}`}`,
          ...restart.sockets.map(
            ({ name, address, inherited }) =>
              `  socket   ${printable(name)} ${printable(address)}${inherited ? ' (inherited)' : ''}`,
          ),
        ]),
  ].join('\n');
}

function supervisorText(status: SupervisorStatus, { colors }: Printer): string {
  const { process: self, state, command, workers, sockets } = status;
  return [
    `${colors.bold(printable(self.name))} pid ${self.pid}, supervisor, ${state}, up ${formatDuration(self.uptimeMs)}`,
    `  runs     ${printable(command.join(' '))}`,
    ...workers.map(
      (worker) =>
        `  worker ${worker.slot}  pid ${worker.pid ?? '-'}, generation ${worker.generation}, ${worker.state}, ${worker.restarts} restarts${worker.uptimeMs === null ? '' : `, up ${formatDuration(worker.uptimeMs)}`}`,
    ),
    ...sockets.map(({ name, address }) => `  socket   ${printable(name)} ${printable(address)}`),
  ].join('\n');
}

function factsText({ pid }: Target, facts: ProcessFacts | null): string {
  if (facts === null) return `process ${pid} lives; it has no control socket`;
  const memory = facts.rssBytes === null ? '' : `, rss ${formatBytes(facts.rssBytes)}`;
  const caught = facts.caught === null ? 'unknown' : [...facts.caught].join(', ') || 'none';
  return [
    `pid ${pid}, parent ${facts.ppid}${memory}, ${facts.threads ?? '?'} threads, no control socket`,
    `  runs     ${printable(facts.args.join(' '))}`,
    `  handles  ${caught}`,
  ].join('\n');
}
