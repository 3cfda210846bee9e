// jest's globalTeardown.
const { endServers } = require('./find-servers.cjs');

module.exports = function endAfterTests() {
  endServers();
};
