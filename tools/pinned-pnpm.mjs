// Runs the pnpm that package.json pins, on a machine that has only Node and npm.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Its output goes to stderr: stdout belongs to the command that it runs for. */
export function runPnpm(...pnpmArguments) {
  return run(pnpmArguments, { stdio: ['ignore', 2, 2] });
}

/** The same, for a command that writes more than anybody reads: its output is shown when it fails. */
export function runPnpmQuietly(...pnpmArguments) {
  const result = run(pnpmArguments, { stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 26 });
  if (result.status !== 0) process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  return result;
}

/** CI keeps pnpm from asking questions nobody answers. */
function run(pnpmArguments, options) {
  const [command, ...args] = npmCommand();
  args.push('exec', '--yes', `--package=${packageManager}`, '--', 'pnpm', ...pnpmArguments);
  return spawnSync(command, args, {
    ...options,
    cwd: root,
    env: { ...process.env, CI: 'true' },
    shell: command === 'npm' && process.platform === 'win32',
  });
}

/** The npm that runs us, if one does: it need not be the one on PATH, and `npx` need not be there at all. */
function npmCommand() {
  const cli = process.env.npm_execpath;
  return cli?.endsWith('npm-cli.js') ? [process.execPath, cli] : ['npm'];
}
