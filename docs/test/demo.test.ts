import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { describeServer } from '../../tools/servers/describe-server';

const run = promisify(execFile);
const TYPESCRIPT = require.resolve('../../tools/register-typescript.cjs');

/** Runs the demo. It rejects unless the exit code is 0, which is so only when nothing was lost. */
async function runDemo(
  env: Record<string, string>,
  ...args: string[]
): Promise<{ readonly stdout: string; readonly pid: number | undefined }> {
  const main = join(__dirname, '..', 'examples', 'demo', 'main.ts');
  const running = run(process.execPath, ['-r', TYPESCRIPT, main, ...args], {
    timeout: 60_000,
    env: { ...process.env, NODE_OPTIONS: '', FORCE_COLOR: '', NO_COLOR: '1', ...env },
  });
  const { stdout } = await running;
  return { stdout, pid: running.child.pid };
}

function expectNothingLost(stdout: string): void {
  expect(stdout).toMatch(/lastcall: stopping \(SIGTERM\), not ready, still serving for 1000 ms/);
  expect(stdout).toMatch(/intake +█* +█+ /);
  // The long upload is in flight for sure; of the calls of gRPC, which are short, one may be or not.
  expect(stdout).toMatch(/intake +shop +ok .* [1-9]\d* drained, 0 cut/);
  expect(stdout).toMatch(/intake +shop \(gRPC\) +ok .* \d+ drained, 0 cut/);
  expect(stdout).toMatch(/resources database +ok .* 0 cut/);
  expect(stdout).toMatch(/1\. with lastcall +(\d+) +\1 +0 +0 +([1-9]\d*) +\2/);
  expect(stdout).toMatch(/\n([1-9]\d*) orders acknowledged == \1 orders in the table\n/);
  expect(stdout).toMatch(/3\. process\.exit\(\) +\d+ +\d+ +[1-9]/);
}

describeServer('PostgreSQL', 'the demo', (url) => {
  it('ends by itself, shows the timeline, and loses nothing with lastcall: no request, no order', async () => {
    const { stdout, pid } = await runDemo({ DATABASE_URL: url });
    expect(stdout).toContain('PostgreSQL: that of DATABASE_URL');
    expectNothingLost(stdout);
    const client = new Client({ connectionString: url });
    await client.connect();
    const tables = 'select tablename from pg_tables where tablename like $1';
    const { rows } = await client.query(tables, [`lastcall_demo_${pid}_%`]);
    await client.end();
    expect(rows).toEqual([]);
  }, 60_000);
});

describe('the demo on a machine without PostgreSQL', () => {
  it('starts one of its own', async () => {
    const { stdout } = await runDemo({}, '--embedded');
    expect(stdout).toContain('PostgreSQL: one of its own');
    expectNothingLost(stdout);
  }, 60_000);
});
