import { spawnSync } from 'node:child_process';

/**
 * A test that needs Go's tools. Where they are missing the test is skipped and its name says why; with
 * LASTCALL_REQUIRE_SERVICES=1 it fails.
 */
export function goTest(name: string, body: () => Promise<void>): void {
  if (spawnSync('go', ['version']).status === 0) it(name, body);
  else if (process.env.LASTCALL_REQUIRE_SERVICES === '1')
    it(name, () => {
      throw new Error('go is not installed (LASTCALL_REQUIRE_SERVICES=1 asks for it)');
    });
  else it.skip(`${name} (skipped: go is not installed)`, () => {});
}
