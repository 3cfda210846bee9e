import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

describe('the demo', () => {
  it('ends by itself, shows the timeline, and loses nothing with lastcall', async () => {
    const main = join(__dirname, '..', 'examples', 'demo', 'main.ts');
    // It rejects unless the exit code is 0, which is so only when nothing was lost.
    const { stdout } = await run(
      process.execPath,
      ['-r', 'ts-node/register/transpile-only', main],
      {
        timeout: 60_000,
        env: { ...process.env, NODE_OPTIONS: '', FORCE_COLOR: '', NO_COLOR: '1' },
      },
    );
    expect(stdout).toMatch(/lastcall: stopping \(SIGTERM\), not ready, still serving for 1000 ms/);
    expect(stdout).toMatch(/intake +█* +█+ /);
    expect(stdout).toMatch(/1\. with lastcall +(\d+) +\1 +0 +0/);
    expect(stdout).toMatch(/3\. process\.exit\(\) +\d+ +\d+ +[1-9]/);
  }, 60_000);
});
