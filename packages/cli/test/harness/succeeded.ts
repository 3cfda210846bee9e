import type { CliResult } from '../run-cli';

/** What a command that is to succeed wrote. Where it does not, what it wrote says why. */
export async function succeeded(running: Promise<CliResult>): Promise<CliResult> {
  const result = await running;
  if (result.code === 0) return result;
  const { code, out, err } = result;
  throw new Error(`lastcall ended with ${code}\nstdout: ${out}\nstderr: ${err}`);
}
