import { basename, extname } from 'node:path';
import { LastcallError } from '@lastcall/proc';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from '../command-context';
import { becomeInit } from '../supervisor/become-init';
import { endOfSpawnFailure, exitCodeOfEnd } from '../supervisor/exit-status';
import { runService } from '../supervisor/run-service';
import type { RunSettings } from '../supervisor/run-settings';
import { assertEnvironmentDurations, environmentDuration } from './environment-duration';
import { environmentGenerations } from './environment-generations';

interface RunOptions {
  readonly workers: number;
  readonly readyTimeout: number;
  readonly bake: number;
  readonly killTimeout: number;
  readonly restart: RunSettings['restart'];
  readonly maxRestarts: number;
  readonly name?: string;
  readonly pidFile?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

const HELP = `
Signals:
  TERM, INT, QUIT   passed on; ends when the program has ended, and as it ended
  HUP               a new generation takes over, one worker at a time (without @lastcall/restart: passed on; at a terminal: passed on, to end)
  USR1, USR2, …     passed on

Examples:
  lastcall run -- node dist/main.js
  lastcall run --workers 4 -- node dist/main.js
  lastcall reload api                        what HUP does, with an answer

Exit code: that of the program (128 + n when signal n ended it), 127 when there is no such program, 126 when it cannot be run.`;

/** `lastcall run`: runs a service, and keeps its sockets. */
export function addRunCommand(program: Command, context: CommandContext): void {
  program
    .command('run')
    .description('run a service that can be replaced without downtime, also as process 1')
    .argument('<command...>', 'the program and its arguments, behind --')
    .option('-w, --workers <count>', 'how many processes share the sockets', parseCount, 1)
    .addOption(
      environmentDuration(
        '--ready-timeout <seconds>',
        'how long a worker may take to be ready',
        'LASTCALL_READY_TIMEOUT_MS',
        60_000,
      ),
    )
    .addOption(
      environmentDuration(
        '--bake <seconds>',
        'how long a new worker must live before the old one goes',
        'LASTCALL_BAKE_MS',
        3000,
      ),
    )
    .addOption(
      environmentDuration(
        '--kill-timeout <seconds>',
        'how long a worker may take to end',
        'LASTCALL_KILL_TIMEOUT_MS',
        60_000,
      ),
    )
    .addOption(
      new Option('--restart <which>', 'which workers are started anew when they end')
        .choices(['ready', 'always', 'never'])
        .default('ready', 'once one was ready, all but those that end with 0 by themselves'),
    )
    .option('--max-restarts <count>', 'how often in a row', parseCount, 10)
    .option('--name <name>', 'what the service is called (default: the script)')
    .option('--pid-file <file>', 'write the pid of the supervisor into a file')
    .option('-q, --quiet', 'say nothing of what happens, errors at the start apart')
    .option('--json', 'say what happens as lines of JSON')
    .passThroughOptions()
    .addHelpText('after', HELP)
    .action(async (words: string[], options: RunOptions) => {
      context.onExitCode(await run(context, words, options));
    });
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 1024) return count;
  throw new InvalidArgumentError('it must be a number from 1 to 1024.');
}

async function run(
  { environment }: CommandContext,
  words: readonly string[],
  options: RunOptions,
): Promise<number> {
  assertEnvironmentDurations(environment.env);
  if (options.readyTimeout <= 0)
    throw new LastcallError('LASTCALL_CLI_USAGE', '--ready-timeout must be above 0');
  if (words[0] === '')
    throw new LastcallError('LASTCALL_CLI_USAGE', 'the program to run has no name: it is empty');
  if (environment.platform === 'win32') {
    const message =
      'lastcall run needs a system that passes listening sockets on; Windows does not';
    throw new LastcallError('LASTCALL_CLI_IMPOSSIBLE', message);
  }
  const log = logger(environment.err.write, options);
  if (environment.pid === 1 && !becomeInit())
    log(
      'as process 1, Node does not reap processes that it adopts, and without Node 22.15 and /bin/sh this cannot be helped here: put an init in front (lastcall-init, docker run --init)',
    );
  const settings = toSettings(words, options, environment.env);
  try {
    const end = await runService(settings, log);
    if (end.signal !== null) dieBy(end.signal);
    return exitCodeOfEnd(end);
  } catch (thrown) {
    const { cause } = thrown as { readonly cause?: NodeJS.ErrnoException };
    if (cause?.code === undefined) throw thrown;
    environment.err.write(`lastcall run: ${(thrown as Error).message}\n`);
    return exitCodeOfEnd(endOfSpawnFailure(thrown as Error));
  }
}

function toSettings(
  words: readonly string[],
  options: RunOptions,
  env: CommandContext['environment']['env'],
): RunSettings {
  const [program = '', ...args] = words;
  const script = args.find((argument) => !argument.startsWith('-')) ?? program;
  return {
    name: firstText(options.name, process.env.LASTCALL_NAME) ?? basename(script, extname(script)),
    command: [program, ...args],
    workers: options.workers,
    readyTimeoutMs: options.readyTimeout,
    bakeMs: options.bake,
    killTimeoutMs: options.killTimeout,
    restart: options.restart,
    maxRestarts: options.maxRestarts,
    maxGenerations: environmentGenerations(env),
    pidFile: options.pidFile,
  };
}

function firstText(...texts: readonly (string | undefined)[]): string | undefined {
  return texts.find((text) => text !== undefined && text !== '');
}

function logger(
  write: (text: string) => void,
  { quiet, json }: RunOptions,
): (text: string) => void {
  if (quiet === true) return () => {};
  return (text) => {
    const line = { time: new Date().toISOString(), pid: process.pid, supervisor: text };
    write(json === true ? `${JSON.stringify(line)}\n` : `lastcall run: ${text}\n`);
  };
}

/** Signals of which a death says something to whoever waits; others leave a core, or cannot be had. */
const TELLING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** Whoever waits for this process is to see the same death. Process 1 survives it: the exit code says the same. */
function dieBy(signal: NodeJS.Signals): void {
  if (TELLING.includes(signal)) process.kill(process.pid, signal);
}
