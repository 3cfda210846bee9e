import { isAbsolute, join, relative, resolve } from 'node:path';
import { HANDOVER_VARIABLE } from './handover/handover';
import type { RestartEnvironment } from './restart-environment';

/** How a process is started. */
export interface StartCommand {
  /** The Node binary. */
  readonly execPath: string;
  /** Options of Node itself. */
  readonly execArgv: readonly string[];
  /** The script and its arguments. */
  readonly args: readonly string[];
  /** The working directory. */
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<NodeJS.ProcessEnv>;
}

/**
 * Variables that say something about one process alone: who started it and how. Its successor must not believe them.
 */
const PROCESS_VARIABLES = [
  HANDOVER_VARIABLE,
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_FDNAMES',
  'LISTEN_PIDFDID',
  'WATCHDOG_PID',
  'NODE_CHANNEL_FD',
  'NODE_CHANNEL_SERIALIZATION_MODE',
  'NODE_UNIQUE_ID',
];

/**
 * How this process was started, so that the same command starts the next generation: of the release that is current then.
 *
 * Node tells resolved paths, which name the release of today. So symbolic links are kept where the start can be seen to have
 * gone through one: the working directory by `PWD`, as shells set it, a relative script by the command line, the binary by
 * `argv0` and `PATH`.
 */
export function startCommandOf(environment: RestartEnvironment): StartCommand {
  const env = withoutProcessVariables(environment.startEnv());
  const realCwd = environment.cwd() ?? '/';
  const cwd = logicalCwd(environment, realCwd, env.PWD);
  return {
    execPath: logicalExecPath(environment, env.PATH),
    execArgv: environment.execArgv.map(withoutInspectorPort),
    args: logicalArgs(environment, realCwd, cwd),
    cwd,
    env,
  };
}

function withoutProcessVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const rest = { ...env };
  for (const name of PROCESS_VARIABLES) delete rest[name];
  return rest;
}

function logicalCwd(environment: RestartEnvironment, realCwd: string, pwd?: string): string {
  if (pwd === undefined || !isAbsolute(pwd)) return realCwd;
  const logical = environment.stat(pwd);
  const real = environment.stat(realCwd);
  if (logical === null || real === null) return realCwd;
  return logical.inode === real.inode && logical.device === real.device ? pwd : realCwd;
}

/** Node resolves a relative script against the real working directory. */
function logicalArgs(environment: RestartEnvironment, realCwd: string, cwd: string): string[] {
  const [script, ...rest] = environment.argv.slice(1);
  if (script === undefined) return [];
  if (hasInlineScript(environment.execArgv)) return [script, ...rest];
  const wasRelative = isGivenRelative(environment, script, rest.length, realCwd);
  return [wasRelative ? join(cwd, relative(realCwd, script)) : script, ...rest];
}

function isGivenRelative(
  environment: RestartEnvironment,
  script: string,
  argumentsAfterIt: number,
  realCwd: string,
): boolean {
  const given = environment.startArgs()?.at(-1 - argumentsAfterIt);
  // What the system says is no command line of ours when something has renamed the process.
  if (given !== undefined && resolve(realCwd, given) === script) return !isAbsolute(given);
  return script.startsWith(`${realCwd}/`);
}

/** Whether the program is in the options (`node -e`), and no script in the arguments. */
export function hasInlineScript(execArgv: readonly string[]): boolean {
  return execArgv.some((option) => /^(-e|-p|-pe|--eval|--print)(=|$)/.test(option));
}

/** The path by which the binary was found, when that is still the one that runs: it may be a link to the current one. */
function logicalExecPath(environment: RestartEnvironment, path = ''): string {
  const { argv0, execPath } = environment;
  const candidates = argv0.includes('/')
    ? [resolve(environment.cwd() ?? '/', argv0)]
    : path.split(':').map((directory) => join(directory, argv0));
  const found = candidates.find((candidate) => environment.stat(candidate) !== null);
  const isIt = found !== undefined && environment.realpath(found) === execPath;
  return isIt ? found : execPath;
}

/** Two generations cannot share an inspector's port, and one that waits for a debugger is never ready. */
function withoutInspectorPort(option: string): string {
  return /^--inspect(-brk|-wait)?(=|$)/.test(option) ? '--inspect=0' : option;
}
