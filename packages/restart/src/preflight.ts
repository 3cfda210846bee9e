import { isAbsolute, join } from 'node:path';
import { LastcallError } from '@lastcall/proc';
import type { RestartEnvironment } from './restart-environment';
import { hasInlineScript, type StartCommand } from './start-command';

/** What Node tries when a script is named without its extension, or by its directory. */
const SCRIPT_ENDINGS = [
  '',
  '.js',
  '.cjs',
  '.mjs',
  '.json',
  '/package.json',
  '/index.js',
  '/index.cjs',
];

/**
 * Looks whether what `command` names is there. A missing file is found out here, where it costs nothing and can be named:
 * Node says `spawn node ENOENT` for a missing working directory too.
 *
 * @throws LastcallError `LASTCALL_UPGRADE_PREFLIGHT_FAILED`
 */
export function preflight(environment: RestartEnvironment, command: StartCommand): void {
  const { cwd, execPath, args, execArgv } = command;
  if (environment.stat(cwd)?.isDirectory !== true) throw missing('working directory', cwd);
  if (environment.stat(execPath) === null) throw missing('Node binary', execPath);
  if (hasInlineScript(execArgv)) return;
  const [script] = args;
  if (script === undefined || script === '-') throw noScript();
  const path = isAbsolute(script) ? script : join(cwd, script);
  if (!SCRIPT_ENDINGS.some((ending) => isFile(environment, path + ending)))
    throw missing('script', path);
}

function isFile(environment: RestartEnvironment, path: string): boolean {
  const facts = environment.stat(path);
  return facts !== null && !facts.isDirectory;
}

function missing(what: string, path: string): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_PREFLIGHT_FAILED',
    `the ${what} is not there: ${path}; put it there, or tell how to start by restart.setup({ command })`,
  );
}

function noScript(): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_PREFLIGHT_FAILED',
    'this process was not started from a script file, so it cannot be started again; start it as `node app.js`',
  );
}
