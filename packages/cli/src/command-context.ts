import type { Command } from 'commander';
import type { CliEnvironment } from './cli-environment';
import type { Printer } from './printer';

/** What every command is given. */
export interface CommandContext {
  readonly environment: CliEnvironment;
  /** The exit code of a command that did what it was asked to, and found the answer to be no. */
  onExitCode(code: number): void;
  /** Where the command says things. */
  printer(command: Command): Printer;
}

/** Adds a command that also takes `--json` behind its name. */
export function addCommand(program: Command, usage: string, description: string): Command {
  return program.command(usage).description(description).option('--json', 'print results as JSON');
}
