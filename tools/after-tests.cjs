// jest's globalTeardown.
const { rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { endServers } = require('./servers/find-servers.cjs');

module.exports = async function afterTests() {
  await endServers();
  rmSync(tmpdir(), { recursive: true, force: true, maxRetries: 3 });
};
