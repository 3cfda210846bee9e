import { LastcallError } from '@lastcall/proc';
import { CommanderError } from 'commander';
import { type CliEnvironment, createCliEnvironment } from './cli-environment';
import { EXIT_CODES, exitCodeOf } from './exit-codes';
import { Printer } from './printer';
import { createProgram } from './program';

/** Runs `lastcall` with the arguments of this process, and sets its exit code. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  surviveLostOutput();
  const exitCode = await run(argv, createCliEnvironment());
  // What could not be written has set it already.
  if (exitCode !== EXIT_CODES.ok) process.exitCode = exitCode;
}

/** A disk that is full, or a terminal that is gone, must not end a supervisor, and with it the care for its service. */
function surviveLostOutput(): void {
  // There is nowhere left to say it.
  process.stderr.on('error', () => {});
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    // Whoever reads may have seen enough (`| head`): that is no error.
    if (code === 'EPIPE') return;
    if (process.exitCode === undefined)
      process.stderr.write(`lastcall: the output could not be written: ${message}\n`);
    process.exitCode ??= EXIT_CODES.failed;
  });
}

/** Runs `lastcall` with `argv`, and returns the exit code. Never rejects. */
export async function run(argv: readonly string[], environment: CliEnvironment): Promise<number> {
  let exitCode: number = EXIT_CODES.ok;
  const program = createProgram(environment, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : EXIT_CODES.usage;
    const isJson = program.opts<{ json?: boolean }>().json === true || argv.includes('--json');
    new Printer(environment, isJson).error(thrown);
    if (thrown instanceof LastcallError && thrown.code === 'LASTCALL_CLI_USAGE')
      environment.err.write("See 'lastcall --help'.\n");
    return exitCodeOf(thrown);
  }
}
