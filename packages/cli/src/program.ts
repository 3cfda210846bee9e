import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ControlAddress, controlDirectory, listControls } from '@lastcall/restart/control';
import { Command } from 'commander';
import type { CliEnvironment } from './cli-environment';
import type { CommandContext } from './command-context';
import { addCompletionCommand } from './commands/completion';
import { addDoctorCommand } from './commands/doctor';
import { addDumpCommand } from './commands/dump';
import { addProfileCommand } from './commands/profile';
import { addReloadCommand } from './commands/reload';
import { addRunCommand } from './commands/run';
import { addStatusCommand } from './commands/status';
import { addStopCommand } from './commands/stop';
import { addViewCommand } from './commands/view';
import { Printer } from './printer';

const EXIT_CODE_HELP = `
Exit codes:
  0  done, and the answer is yes       3  no such process or file
  1  the answer is no, or it failed    4  not possible with this process
  2  the command line is wrong         5  not in the time given

'lastcall help <command>' has examples and options. https://no-color.org is respected.`;

/** The command line of `lastcall`. */
export function createProgram(
  environment: CliEnvironment,
  onExitCode: (code: number) => void,
): Command {
  const program = new Command('lastcall')
    .description('Runs a Node.js service without downtime, and asks a live one what it does.')
    .version(version(), '-V, --version', 'print the version')
    .option('--json', 'print results as JSON')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .addHelpText('after', EXIT_CODE_HELP)
    .showSuggestionAfterError()
    // `run -- node app.js --json`: what follows belongs to the program.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => environment.out.write(text),
      writeErr: (text) => environment.err.write(text),
      getOutHelpWidth: () => environment.out.columns,
      getErrHelpWidth: () => environment.err.columns,
      getOutHasColors: () => environment.out.isTerminal,
      getErrHasColors: () => environment.err.isTerminal,
    });
  const context: CommandContext = {
    environment,
    onExitCode,
    printer: (command) =>
      new Printer(environment, command.optsWithGlobals<{ json?: boolean }>().json === true),
  };
  addRunCommand(program, context);
  addStatusCommand(program, context);
  addReloadCommand(program, context);
  addStopCommand(program, context);
  addDumpCommand(program, context);
  addProfileCommand(program, context);
  addViewCommand(program, context);
  addDoctorCommand(program, context);
  addCompletionCommand(program, context, {
    targets: () =>
      controlsIn(controlDirectory(environment.env)).flatMap(({ name, pid, role }) => [
        { value: name, description: `${role} ${pid}` },
        { value: String(pid), description: `${role} ${name}` },
      ]),
  });
  return program;
}

/** Completion has nobody to complain to. */
function controlsIn(directory: string): ControlAddress[] {
  try {
    return listControls(directory);
  } catch {
    return [];
  }
}

function version(): string {
  const file = join(__dirname, '..', 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
