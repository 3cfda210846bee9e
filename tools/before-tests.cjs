// jest's globalSetup: finds the servers that tests talk to, and builds: tests that run programs as child processes run what
// ships, so dist must be fresh.
const { execFileSync } = require('node:child_process');
const { join } = require('node:path');
const { findServers } = require('./servers/find-servers.cjs');

module.exports = async function beforeTests() {
  await findServers();
  build();
};

function build() {
  const tsc = require.resolve('typescript/bin/tsc');
  const root = join(__dirname, '..');
  execFileSync(process.execPath, [tsc, '--build', join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
  });
  const dashboard = join(root, 'packages', 'devserver', 'dashboard', 'build.mjs');
  execFileSync(process.execPath, [dashboard], { stdio: 'inherit' });
}
