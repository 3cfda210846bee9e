import { Argument, type Command } from 'commander';
import type { CommandContext } from '../command-context';
import { type Candidates, type CompletionSource, candidatesFor } from '../completion/candidates';
import { completionScript, SHELLS, type Shell } from '../completion/scripts';

const HELP = `
Examples:
  source <(lastcall completion bash)         now; in ~/.bashrc for ever
  source <(lastcall completion zsh)          in ~/.zshrc, after compinit
  lastcall completion fish > ~/.config/fish/completions/lastcall.fish`;

/** `lastcall completion <shell>`, and what the scripts ask. */
export function addCompletionCommand(
  program: Command,
  { environment }: CommandContext,
  source: CompletionSource,
): void {
  program
    .command('completion')
    .description('print what teaches a shell to complete lastcall')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', HELP)
    .action((shell: Shell) => environment.out.write(completionScript(shell)));
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action((words: string[]) => {
      environment.out.write(render(candidatesFor(program, words, source)));
    });
}

function render(candidates: Candidates): string {
  if (candidates === 'files') return ':files\n';
  return candidates.map(({ value, description }) => `${value}\t${description}\n`).join('');
}
