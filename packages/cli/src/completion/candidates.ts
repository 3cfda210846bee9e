import type { Argument, Command, Option } from 'commander';

/** Something that fits where the cursor is. */
export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** What fits: these, or any file. */
export type Candidates = readonly Candidate[] | 'files';

/** What is known of the machine. */
export interface CompletionSource {
  /** Processes that commands can be aimed at. */
  targets(): readonly Candidate[];
}

/**
 * What fits as the last of `words`.
 *
 * @param words - what stands behind `lastcall` up to the cursor; the last one may be incomplete or empty
 */
export function candidatesFor(
  program: Command,
  words: readonly string[],
  source: CompletionSource,
): Candidates {
  const current = words.at(-1) ?? '';
  const { command, open, position, isOver } = follow(program, words.slice(0, -1));
  // Behind `--` comes a program with its own arguments.
  if (isOver) return 'files';
  const found = open === undefined ? inPlace(command, position, current, source) : ofOption(open);
  if (found === 'files') return found;
  return found.filter(({ value }) => value.startsWith(current));
}

interface Place {
  readonly command: Command;
  /** The option whose value comes next. */
  readonly open: Option | undefined;
  /** How many arguments of the command are there already. */
  readonly position: number;
  readonly isOver: boolean;
}

function follow(program: Command, words: readonly string[]): Place {
  let command = program;
  let open: Option | undefined;
  let position = 0;
  for (const word of words) {
    if (word === '--') return { command, open: undefined, position, isOver: true };
    if (open !== undefined) {
      open = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      const option = optionsOf(command).find(({ long, short }) => word === long || word === short);
      if (option !== undefined && (option.required || option.optional)) open = option;
      continue;
    }
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) position += 1;
    else command = next;
  }
  return { command, open, position, isOver: false };
}

function inPlace(
  command: Command,
  position: number,
  current: string,
  source: CompletionSource,
): Candidates {
  if (current.startsWith('-')) return optionsOf(command).map(toCandidate);
  if (command.commands.length > 0) return command.commands.filter(isShown).map(describe);
  const { registeredArguments } = command;
  const argument =
    registeredArguments[position] ?? registeredArguments.findLast((one) => one.variadic);
  return argument === undefined ? [] : ofArgument(argument, source);
}

function ofOption({ argChoices }: Option): Candidates {
  return argChoices?.map(plain) ?? 'files';
}

function ofArgument(argument: Argument, source: CompletionSource): Candidates {
  if (argument.argChoices !== undefined) return argument.argChoices.map(plain);
  return argument.name() === 'target' ? source.targets() : 'files';
}

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function toCandidate({ long, short, description }: Option): Candidate {
  return { value: long ?? short ?? '', description };
}

function isShown(command: Command): boolean {
  return !command.name().startsWith('__');
}

function describe(command: Command): Candidate {
  return { value: command.name(), description: command.description() };
}

function plain(value: string): Candidate {
  return { value, description: '' };
}
