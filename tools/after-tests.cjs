// jest's globalTeardown.
const { rmSync } = require('node:fs');
const { endServers } = require('./servers/find-servers.cjs');

module.exports = async function afterTests() {
  await endServers();
  // What globalSetup made, and nothing else: without it, os.tmpdir() is everybody's.
  const folder = globalThis.folderOfTests;
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
};
