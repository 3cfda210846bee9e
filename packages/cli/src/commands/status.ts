import { LastcallError } from '@lastcall/proc';
import {
  controlDirectory,
  type ProcessStatus,
  type SupervisorStatus,
} from '@lastcall/restart/control';
import type { Command } from 'commander';
import type { CliEnvironment } from '../cli-environment';
import { addCommand, type CommandContext } from '../command-context';
import { printable } from '../printable';
import type { Printer } from '../printer';
import { askControl } from '../target/control-client';
import { findTarget, liveControls, type Target } from '../target/find-target';
import { type ProcessFacts, processFacts } from '../target/process-facts';
import { formatBytes, formatDuration } from '../view/units';
import { statusText, wordsFor } from './status-text';

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
    const state = status === undefined ? 'no answer' : stateOf(status);
    const { process: self } = status ?? {};
    return { name: self?.name ?? name, pid, role, state, uptimeMs: self?.uptimeMs ?? null };
  });
  printer.result(rows, () => {
    if (rows.length === 0)
      return `no process has a control socket in ${controlDirectory(environment.env)}`;
    return rows
      .map(
        ({ name, pid, role, state, uptimeMs }) =>
          `${String(pid).padStart(8)}  ${printer.colors.bold(printable(name).padEnd(20))} ${role.padEnd(10)} ${state}${uptimeMs === null ? '' : `, up ${formatDuration(uptimeMs)}`}`,
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
  if (status.role === 'supervisor') return wordsFor(status.state);
  const { mainThread, lifecycle } = status;
  return mainThread.responsive ? lifecycle.state : 'blocked';
}

async function show(environment: CliEnvironment, printer: Printer, target: Target): Promise<void> {
  const status = target.control === null ? undefined : await askOrExplain(environment, target);
  if (status !== undefined) {
    printer.result(status, () => statusText(status, printer));
    return;
  }
  const facts = processFacts(environment, target.pid);
  const told = facts === null ? null : { ...facts, caught: [...(facts.caught ?? [])] };
  printer.result({ role: 'unknown', pid: target.pid, facts: told }, () => factsText(target, facts));
}

/** A thread that answers for a blocked one does not when the whole process is stopped, or gets no time. */
async function askOrExplain(
  environment: CliEnvironment,
  target: Target,
): Promise<ProcessStatus | SupervisorStatus | undefined> {
  try {
    return await statusOf(target.control?.path ?? '');
  } catch (error) {
    if (!(error instanceof LastcallError) || error.code !== 'LASTCALL_CLI_LATE') throw error;
    const facts = factsText(target, processFacts(environment, target.pid), 'no answer');
    const message = `no answer from process ${target.pid} within ${TIMEOUT_MS / 1000} s: is it stopped, or without CPU time?\n${facts}`;
    throw new LastcallError('LASTCALL_CLI_LATE', message);
  }
}

function factsText(
  { pid }: Target,
  facts: ProcessFacts | null,
  control = 'no control socket',
): string {
  if (facts === null) return `process ${pid} lives; ${control}`;
  const memory = facts.rssBytes === null ? '' : `, rss ${formatBytes(facts.rssBytes)}`;
  const caught = facts.caught === null ? 'unknown' : [...facts.caught].join(', ') || 'none';
  return [
    `pid ${pid}, parent ${facts.ppid}${memory}, ${facts.threads ?? '?'} ${facts.threads === 1 ? 'thread' : 'threads'}, state ${facts.state || 'unknown'}, ${control}`,
    `  runs     ${printable(facts.args.join(' '))}`,
    `  handles  ${caught}`,
  ].join('\n');
}
