// jest's globalSetup: makes a folder for all that tests leave behind, finds the servers that tests talk to, and builds: tests that run programs as child processes run what
// ships, so dist must be fresh.
const { execFileSync } = require('node:child_process');
const { chmodSync, mkdtempSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { findServers } = require('./servers/find-servers.cjs');

module.exports = async function beforeTests() {
  process.env.TMPDIR = ownTmpdir();
  // For globalTeardown, which runs in this process too.
  globalThis.folderOfTests = process.env.TMPDIR;
  await findServers();
  build();
};

/** As open as the one it is in: servers of tests run as users of their own. Its name is short, as the path of a unix socket has to be. */
function ownTmpdir() {
  const folder = mkdtempSync(join(tmpdir(), 'lc-'));
  chmodSync(folder, 0o1777);
  return folder;
}

function build() {
  const tsc = require.resolve('typescript/bin/tsc');
  const root = join(__dirname, '..');
  execFileSync(process.execPath, [tsc, '--build', join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
  });
  const dashboard = join(root, 'packages', 'devserver', 'dashboard', 'build.mjs');
  execFileSync(process.execPath, [dashboard], { stdio: 'inherit' });
}
