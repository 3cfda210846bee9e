// Installs the workspace with the pinned pnpm when node_modules is missing or older than the lockfile,
// so that `npm test` and `npm run demo` work on a machine that has only Node and npm.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { packageManager, root, runPnpm } from './pinned-pnpm.mjs';

const stamp = join(root, 'node_modules', '.lastcall-setup');
// Not in node_modules: an install may replace that folder as a whole.
const lock = join(root, '.cache', 'setup.lock');
const lockfile = readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8');

const LOCK_DEADLINE_MS = 10 * 60_000;
const LOCK_RETRY_MS = 200;

if (!isInstalled()) {
  assertNodeVersion();
  await takeLock();
  try {
    // Whoever held the lock before may have done the work.
    if (!isInstalled()) install();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isInstalled() {
  return readText(stamp) === lockfile;
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function assertNodeVersion() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`setup: Node 20.19 or newer is needed, this is ${process.versions.node}`);
  process.exit(1);
}

function install() {
  console.error(`setup: installing dependencies with ${packageManager} (frozen lockfile)`);
  const { status, signal, error } = runPnpm(
    'install',
    '--frozen-lockfile',
    '--prefer-offline',
    '--reporter=append-only',
  );
  if (status === 0) {
    writeFileSync(stamp, lockfile);
    console.error('setup: done');
    return;
  }
  const why = error?.message ?? (signal === null ? `exit code ${status}` : signal);
  console.error(`setup: the install failed (${why}); what npm and pnpm say about it is above`);
  // Not process.exit(): the lock is still to be removed.
  process.exitCode = status || 1;
}

/** Lets one setup at a time through. The lock of a setup that is no longer alive does not count. */
async function takeLock() {
  mkdirSync(dirname(lock), { recursive: true });
  const deadline = Date.now() + LOCK_DEADLINE_MS;
  for (let isFirstTry = true; !tryLock(); isFirstTry = false) {
    const holder = Number(readText(lock));
    if (holder > 0 && !isAlive(holder)) {
      rmSync(lock, { force: true });
      continue;
    }
    if (Date.now() > deadline) {
      console.error(
        `setup: gave up waiting for process ${holder}; remove ${lock} if it is not a setup`,
      );
      process.exit(1);
    }
    if (isFirstTry) console.error(`setup: waiting for the setup that runs already (pid ${holder})`);
    await delay(LOCK_RETRY_MS);
  }
}

function tryLock() {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
