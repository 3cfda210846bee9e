// Runs the test suite on several Node versions, one after the other, and says how each went.
//
//   npm run test:matrix            all supported versions
//   npm run test:matrix -- 22 24   these two
//   npm run test:matrix -- 24 packages/http   what is not a version goes to jest
//
// The npm package `node` ships the binaries; child processes in tests use process.execPath, so they run on the same
// one. The rolling stop behind real balancers is left out here (LASTCALL_SKIP_ROLLING): `npm test` runs it on the Node
// it is started with, once, because what it tests is the timing between drain and balancer, which no Node version
// changes, and it needs two minutes. LASTCALL_SKIP_ROLLING=0 runs it on every version. So it is with the dashboard in a
// browser (LASTCALL_SKIP_BROWSER).
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SUPPORTED = ['20', '22', '24', '26'];

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const results = process.env.LASTCALL_TEST_RESULTS ?? join(root, '.cache', 'matrix');
const skipRolling = process.env.LASTCALL_SKIP_ROLLING ?? '1';
const skipBrowser = process.env.LASTCALL_SKIP_BROWSER ?? '1';

const isVersion = (argument) => /^\d+$/.test(argument);
const asked = process.argv.slice(2).filter(isVersion);
const jestArguments = process.argv.slice(2).filter((argument) => !isVersion(argument));
const unknown = asked.filter((version) => !SUPPORTED.includes(version));
if (unknown.length > 0) {
  console.error(
    `matrix: no such version: ${unknown.join(', ')}; supported: ${SUPPORTED.join(', ')}`,
  );
  process.exit(2);
}

mkdirSync(results, { recursive: true });
if (skipRolling !== '0') console.error('matrix: without the rolling stop (npm test runs it)');
if (skipBrowser !== '0') console.error('matrix: without the dashboard (npm test runs it)');
const rows = (asked.length > 0 ? asked : SUPPORTED).map(runOn);
console.log(`\n${rows.map(toLine).join('\n')}`);
process.exitCode = rows.every((row) => row.ok) ? 0 : 1;

function runOn(version) {
  const file = join(results, `node-${version}.json`);
  rmSync(file, { force: true });
  const startedAt = Date.now();
  const found =
    node(version, ['--version'], 'pipe').stdout?.trim() || `v${version} (not available)`;
  console.error(`\nmatrix: Node ${found}`);
  const jest = [
    'node_modules/jest/bin/jest.js',
    '--json',
    `--outputFile=${file}`,
    ...jestArguments,
  ];
  const { status } = node(version, jest, 2);
  const counts = readCounts(file);
  const ok = status === 0 && counts !== undefined;
  return { version: found, ok, status, counts, seconds: (Date.now() - startedAt) / 1000 };
}

/** Runs the `node` of that version. stderr, and with `stdout` 2 all output, goes to ours. */
function node(version, args, stdout) {
  const result = spawnSync('npx', ['--yes', `--package=node@${version}`, '--', 'node', ...args], {
    cwd: root,
    stdio: ['ignore', stdout, 2],
    encoding: 'utf8',
    env: {
      ...process.env,
      LASTCALL_SKIP_ROLLING: skipRolling,
      LASTCALL_SKIP_BROWSER: skipBrowser,
    },
    shell: process.platform === 'win32',
  });
  if (result.error !== undefined) console.error(`matrix: ${result.error.message}`);
  return result;
}

/** What jest counted, or undefined when it did not get as far as writing it. */
function readCounts(file) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(
      readFileSync(file, 'utf8'),
    );
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests };
  } catch {
    return undefined;
  }
}

function toLine({ version, ok, status, counts, seconds }) {
  const outcome =
    counts === undefined
      ? `no result (exit code ${status})`
      : `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
  return `Node ${version.padEnd(10)} ${ok ? 'ok    ' : 'FAILED'}  ${outcome}  (${seconds.toFixed(0)} s)`;
}
