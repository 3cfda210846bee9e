import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LastcallError } from '@lastcall/proc';
import type { ProfileAnswer } from '@lastcall/restart/control';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CliEnvironment } from '../cli-environment';
import { addCommand, type CommandContext } from '../command-context';
import type { Printer } from '../printer';
import { askControl } from '../target/control-client';
import { DumpFiles } from '../target/dump-files';
import { findTarget, type Target } from '../target/find-target';
import { sendHandled, waitUntil } from '../target/signal-control';
import { workerOf, workerOption } from '../target/worker-of';
import { formatDuration } from '../view/units';
import { durationOption } from './duration-option';
import { parseDuration } from './parse-duration';

interface ProfileOptions {
  readonly seconds: number;
  readonly kind?: readonly ('cpu' | 'heap' | 'loop')[];
  readonly output?: string;
  readonly worker?: number;
}

const HELP = `
Over the control socket where there is one, also while the main thread is blocked; else by SIGUSR2, if the process handles it.
The files are written where the process writes its dumps; of a blocked one the CPU profile is written here.

Examples:
  lastcall profile api                    10 seconds of CPU, heap and event loop
  lastcall profile api -s 30 --kind cpu
  lastcall view --web $(lastcall profile api --kind cpu --json | jq -r '.files[0]')`;

/** As long as a process records at most. */
const MOST_MS = 600_000;

/** A profile that SIGUSR2 has begun ends by itself after this; a signal that comes later would begin the next one. */
const ENDS_BY_ITSELF_MS = 60_000;

/** Writing takes its time. */
const MARGIN_MS = 30_000;

/** `lastcall profile`: records what a process does for some time. */
export function addProfileCommand(program: Command, context: CommandContext): void {
  addCommand(program, 'profile', 'record what a process does for some seconds')
    .argument('<target>', 'pid, pid file or name')
    .addOption(
      durationOption('-s, --seconds <seconds>', 'how long', 10_000).argParser(parseProfileTime),
    )
    .addOption(
      new Option('--kind <kinds...>', 'what to record (default: all)').choices([
        'cpu',
        'heap',
        'loop',
      ]),
    )
    .option('-o, --output <folder>', 'where the profile of a blocked process is written', '.')
    .addOption(workerOption())
    .addHelpText('after', HELP)
    .action(async (name: string, options: ProfileOptions, command) => {
      const { environment } = context;
      const printer = context.printer(command);
      const found = await findTarget(environment, name);
      const target = await workerOf(environment, printer, found, options.worker);
      const begun = (): void =>
        printer.progress(`recording process ${target.pid} for ${formatDuration(options.seconds)}`);
      const answer =
        target.control === null
          ? await bySignal(environment, target, options, begun)
          : await overControl(target.control.path, printer, options, begun);
      if (answer === undefined)
        throw new LastcallError('LASTCALL_CLI_NO_PROCESS', `process ${target.pid} has ended`);
      const files = [...answer.files, ...writeHere(target, answer, options)];
      const { durationMs } = answer;
      printer.result({ files, durationMs }, () => files.join('\n'));
    });
}

function parseProfileTime(text: string): number {
  const ms = parseDuration(text);
  if (ms > 0 && ms <= MOST_MS) return ms;
  throw new InvalidArgumentError('a profile lasts ten minutes at most, and longer than no time.');
}

function overControl(
  path: string,
  printer: Printer,
  { seconds, kind }: ProfileOptions,
  begun: () => void,
): Promise<ProfileAnswer | undefined> {
  begun();
  return askControl<'profile'>(
    path,
    { command: 'profile', forMs: seconds, kinds: kind },
    { timeoutMs: seconds + MARGIN_MS, progress: (line) => printer.progress(line) },
  );
}

/** The blocked process could not. */
function writeHere(
  { pid }: Target,
  { cpu }: ProfileAnswer,
  { output = '.' }: ProfileOptions,
): string[] {
  if (cpu === null) return [];
  const timestamp = new Date().toISOString().replace(/[-:.]/g, '');
  const path = join(output, `blocked-${pid}-cpu-${timestamp}.cpuprofile`);
  writeFileSync(path, JSON.stringify(cpu), { mode: 0o600, flag: 'wx' });
  return [path];
}

async function bySignal(
  environment: CliEnvironment,
  target: Target,
  { seconds, kind }: ProfileOptions,
  begun: () => void,
): Promise<ProfileAnswer> {
  if (seconds >= ENDS_BY_ITSELF_MS) {
    throw new LastcallError(
      'LASTCALL_CLI_USAGE',
      `process ${target.pid} has no control socket, and by SIGUSR2 a profile lasts less than ${ENDS_BY_ITSELF_MS / 1000} s: give a shorter --seconds`,
    );
  }
  const files = new DumpFiles(environment, target.pid);
  const wanted = new RegExp(`-(${(kind ?? ['cpu', 'heap', 'loop']).join('|')})-`);
  sendHandled(environment, target, 'SIGUSR2');
  begun();
  await delay(seconds);
  sendHandled(environment, target, 'SIGUSR2');
  const all = /-(cpu|heap|loop)-/;
  await waitUntil(environment, MARGIN_MS, () => files.fresh(all).length === 3);
  const found = files.fresh(wanted);
  if (found.length > 0) return { files: found, durationMs: seconds, cpu: null };
  throw new LastcallError(
    'LASTCALL_CLI_LATE',
    `process ${target.pid} got SIGUSR2, but no profile of it was found: its log says where it is`,
  );
}
