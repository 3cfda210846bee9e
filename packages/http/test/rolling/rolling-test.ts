import { findProgram } from './balancer';

type TestBody = (program: string) => Promise<void>;

/**
 * A test that needs an installed balancer.
 *
 * Where the program is missing, the test is skipped and its name says why; with LASTCALL_REQUIRE_SERVICES=1 it fails.
 * LASTCALL_SKIP_ROLLING=1 leaves it out: the matrix runs the rolling stop on one version of Node only.
 */
export function rollingTest(balancer: string, name: string, body: TestBody): void {
  const program = findProgram(balancer);
  if (process.env.LASTCALL_SKIP_ROLLING === '1') {
    it.skip(`${name} (skipped: LASTCALL_SKIP_ROLLING=1)`, () => {});
  } else if (program !== undefined) {
    it(name, () => body(program), TEST_DEADLINE_MS);
  } else if (process.env.LASTCALL_REQUIRE_SERVICES === '1') {
    it(name, () => {
      throw new Error(`${balancer} is not installed (LASTCALL_REQUIRE_SERVICES=1 asks for it)`);
    });
  } else {
    it.skip(`${name} (skipped: ${balancer} is not installed)`, () => {});
  }
}

const TEST_DEADLINE_MS = 120_000;
