// Installs the workspace with the pinned pnpm when node_modules is missing or older than the lockfile,
// so that `npm test` and `npm run demo` work on a machine that has only Node and npm.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const stamp = join(root, 'node_modules', '.lastcall-setup');
const lockfile = readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8');
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

function isInstalled() {
  try {
    return readFileSync(stamp, 'utf8') === lockfile;
  } catch {
    return false;
  }
}

if (!isInstalled()) {
  console.error(`setup: installing dependencies with ${packageManager} (frozen lockfile)`);
  const { status, error } = spawnSync(
    'npx',
    ['--yes', packageManager, 'install', '--frozen-lockfile', '--reporter=append-only'],
    { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' },
  );
  if (error !== undefined || status !== 0) {
    console.error(`setup: the install failed${error ? `: ${error.message}` : ` (exit ${status})`}`);
    process.exit(status || 1);
  }
  writeFileSync(stamp, lockfile);
}
