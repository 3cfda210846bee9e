const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { connect } = require('node:net');
const { join } = require('node:path');
const { createInterface } = require('node:readline');
const { FOUND, SERVERS } = require('./servers.cjs');

const CONNECT_MS = 2000;
const START_MS = 60_000;
const END_MS = 10_000;

let embedded;

/**
 * Looks for the servers that tests talk to, and tells the tests by an environment variable. Where there is no PostgreSQL,
 * one of our own is started.
 */
module.exports.findServers = async function findServers() {
  const entries = Object.entries(SERVERS).map(async ([name, server]) => [name, await find(server)]);
  const found = Object.fromEntries(await Promise.all(entries));
  if (found.PostgreSQL.missing !== undefined && !process.env[SERVERS.PostgreSQL.variable])
    found.PostgreSQL = await startPostgres(found.PostgreSQL.missing);
  process.env[FOUND] = JSON.stringify(found);
};

/** Ends what {@link findServers} started, and waits until it has cleaned up. */
module.exports.endServers = async function endServers() {
  if (embedded === undefined || embedded.exitCode !== null || embedded.signalCode !== null) return;
  const ended = once(embedded, 'exit');
  const timer = setTimeout(() => embedded.kill('SIGKILL'), END_MS);
  embedded.stdin.end();
  await ended;
  clearTimeout(timer);
};

/** A server is there when its port takes a connection: what it says is the tests' business. */
function find({ variable, url: fallback }) {
  const url = process.env[variable] || fallback;
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    const settle = (result) => {
      socket.destroy();
      resolve(result);
    };
    const missing = (why) =>
      settle({ missing: `nothing at ${hostname}:${port} (${why}); set ${variable}` });
    socket.setTimeout(CONNECT_MS, () => missing('no answer'));
    socket.once('error', ({ code }) => missing(code));
    socket.once('connect', () => settle({ url }));
  });
}

function startPostgres(notFound) {
  const program = join(__dirname, 'embedded-postgres.mjs');
  embedded = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'pipe'] });
  const said = [];
  createInterface(embedded.stderr).on('line', (line) => said.push(line));
  return new Promise((resolve) => {
    const missing = (why) => resolve({ missing: `${notFound}; ${why}` });
    const timer = setTimeout(() => {
      embedded.kill('SIGKILL');
      missing(`embedded-postgres did not start in ${START_MS} ms`);
    }, START_MS);
    embedded.once('close', () => {
      clearTimeout(timer);
      missing(said.join(' ') || 'embedded-postgres ended');
    });
    createInterface(embedded.stdout).once('line', (line) => {
      clearTimeout(timer);
      const [, url] = line.split(' ');
      resolve({ url });
    });
  });
}
