import { readFileSync, writeFileSync } from 'node:fs';
import { type DumpDocument, LastcallError } from '@lastcall/proc';
import type { DumpAnswer } from '@lastcall/restart/control';
import { type Command, Option } from 'commander';
import type { CliEnvironment } from '../cli-environment';
import { addCommand, type CommandContext } from '../command-context';
import { printable, printableLines } from '../printable';
import type { Printer } from '../printer';
import { askControl } from '../target/control-client';
import { DumpFiles } from '../target/dump-files';
import { findTarget, type Target } from '../target/find-target';
import { sendHandled, waitUntil } from '../target/signal-control';
import { workerOf, workerOption } from '../target/worker-of';
import { formatStack } from '../view/stack-text';
import { durationOption } from './duration-option';

interface DumpOptions {
  readonly awaits: 'auto' | 'always' | 'never';
  readonly output?: string;
  readonly worker?: number;
  readonly timeout: number;
}

const HELP = `
Over the control socket where there is one, also while the main thread is blocked; else by SIGUSR1, if the process handles it.

Examples:
  lastcall dump api                       what it waits for, as text
  lastcall dump api --json > before.json  for lastcall view before.json after.json
  lastcall dump 4242 --awaits never       without stopping it for a moment`;

/** `lastcall dump`: has a process explain itself. */
export function addDumpCommand(program: Command, context: CommandContext): void {
  addCommand(program, 'dump', 'have a process say what it waits for, holds and does')
    .argument('<target>', 'pid, pid file or name')
    .addOption(
      new Option('--awaits <when>', 'look for await sites, which stops the process for a moment')
        .choices(['auto', 'always', 'never'])
        .default('auto'),
    )
    .option('-o, --output <file>', 'write the dump, as JSON, into a file')
    .addOption(durationOption('-t, --timeout <seconds>', 'how long it may take', 60_000))
    .addOption(workerOption())
    .addHelpText('after', HELP)
    .action(async (name: string, options: DumpOptions, command) => {
      const { environment } = context;
      const printer = context.printer(command);
      const found = await findTarget(environment, name);
      const target = await workerOf(environment, printer, found, options.worker);
      const answer =
        target.control === null
          ? await bySignal(environment, target, options)
          : await askControl<'dump'>(
              target.control.path,
              { command: 'dump', awaits: options.awaits },
              { timeoutMs: options.timeout, progress: (line) => printer.progress(line) },
            );
      if (answer === undefined)
        throw new LastcallError('LASTCALL_CLI_NO_PROCESS', `process ${target.pid} has ended`);
      show(printer, answer, options.output);
    });
}

function show(printer: Printer, answer: DumpAnswer, output: string | undefined): void {
  const json = answer.kind === 'full' ? answer.json : answer.last;
  if (output !== undefined) {
    writeFileSync(output, `${JSON.stringify(json, null, 2)}\n`, { mode: 0o600 });
    printer.progress(`written: ${output}`);
    return;
  }
  printer.result(json, () => textOf(answer));
  if (answer.kind === 'full' && answer.files.length > 0)
    printer.progress(`written: ${answer.files.join(' ')}`);
}

function textOf(answer: DumpAnswer): string {
  if (answer.kind === 'full') return printableLines(answer.text);
  const { process: self, lifecycle, mainThread, activities } = answer.last;
  return [
    `=== dump of a blocked process: ${printable(self.name)} pid ${self.pid} on ${printable(self.host)}, node ${printable(self.node)} ===`,
    `the main thread has not answered for ${mainThread.blockedMs} ms; it runs`,
    ...formatStack(mainThread.stack),
    `before: ${lifecycle.state}, ${lifecycle.health.ready ? 'ready' : 'not ready'}`,
    ...Object.entries(activities).map(
      ([kind, count]) => `in flight before: ${count} ${printable(kind)}`,
    ),
    '=== end of dump ===',
  ].join('\n');
}

async function bySignal(
  environment: CliEnvironment,
  target: Target,
  { awaits, timeout }: DumpOptions,
): Promise<DumpAnswer> {
  if (awaits === 'never') {
    throw new LastcallError(
      'LASTCALL_CLI_IMPOSSIBLE',
      `process ${target.pid} has no control socket, and SIGUSR1 cannot ask for a dump without await sites: it may stop the process for a moment`,
    );
  }
  const first = await oneBySignal(environment, target, timeout);
  // A second signal soon after is how a process is told to have them anyway.
  const insists = awaits === 'always' && first.json.awaits.heldBack === true;
  return insists ? await oneBySignal(environment, target, timeout) : first;
}

async function oneBySignal(
  environment: CliEnvironment,
  target: Target,
  timeout: number,
): Promise<Extract<DumpAnswer, { kind: 'full' }> & { json: DumpDocument }> {
  const files = new DumpFiles(environment, target.pid);
  sendHandled(environment, target, 'SIGUSR1');
  await waitUntil(environment, timeout, () => files.fresh(/-dump-.*\.(json|txt)$/).length === 2);
  const [json, text] = files.fresh(/-dump-.*\.(json|txt)$/);
  if (json === undefined || text === undefined) {
    throw new LastcallError(
      'LASTCALL_CLI_LATE',
      `process ${target.pid} got SIGUSR1, but no dump of it was found within ${timeout / 1000} s: its log says where it is, or its main thread is blocked (a control socket would tell)`,
    );
  }
  return {
    kind: 'full',
    text: readFileSync(text, 'utf8'),
    json: JSON.parse(readFileSync(json, 'utf8')) as DumpDocument,
    files: [json, text],
  };
}
