import { type CliEnvironment, createCliEnvironment } from '../src/cli-environment';
import { run } from '../src/main';

/** What a command wrote, and its exit code. */
export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `lastcall` in this process, with what it writes kept. */
export async function runCli(
  argv: readonly string[],
  changes: Partial<CliEnvironment> & { readonly isTerminal?: boolean } = {},
): Promise<CliResult> {
  let [out, err] = ['', ''];
  const { isTerminal = false, ...rest } = changes;
  const environment: CliEnvironment = {
    ...createCliEnvironment(),
    out: { isTerminal, columns: 100, write: (text) => void (out += text) },
    err: { isTerminal, columns: 100, write: (text) => void (err += text) },
    env: () => undefined,
    ...rest,
  };
  const code = await run(argv, environment);
  return { code, out, err };
}
