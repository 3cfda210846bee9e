import { type Stats, statSync } from 'node:fs';
import { LastcallError, toError } from '@lastcall/proc';
import type { ControlAddress } from '@lastcall/restart/control';
import type { Command } from 'commander';
import type { CliEnvironment } from '../cli-environment';
import { addCommand, type CommandContext } from '../command-context';
import { type Diagnosis, examine } from '../doctor/examine';
import { type Facts, noFacts, type Times } from '../doctor/facts';
import { deploymentFiles, factsOfFile, factsOfFolder } from '../doctor/file-source';
import { factsOfProcess } from '../doctor/process-source';
import { EXIT_CODES } from '../exit-codes';
import { printable } from '../printable';
import type { Printer } from '../printer';
import { askControl } from '../target/control-client';
import { findTarget } from '../target/find-target';

const HELP = `
Without an argument it looks at the files of this folder that say how the service is run, and at the environment.

Examples:
  lastcall doctor                       Dockerfile, Compose, Kubernetes, systemd, package.json in this folder
  lastcall doctor k8s/deployment.yaml   one file
  lastcall doctor 4242                  a live process: its environment, its parents, its signals

Exit code 1 when there is a problem (warnings and hints are none).`;

/** `lastcall doctor`: says what will go wrong. */
export function addDoctorCommand(program: Command, context: CommandContext): void {
  addCommand(program, 'doctor', 'say what will go wrong at a stop or restart, before it does')
    .argument('[target...]', 'files, folders (./app), or processes: pid, pid file or name')
    .addHelpText('after', HELP)
    .action(async (targets: string[], _options, command) => {
      const printer = context.printer(command);
      const facts = targets.length === 0 ? aroundHere(context) : await lookAt(context, targets);
      const diagnoses = facts.map(examine);
      printer.result(diagnoses, () => {
        if (diagnoses.length === 0) return `${targets.join(', ')}: nothing of how a service is run`;
        return diagnoses.map((one) => render(one, printer)).join('\n\n');
      });
      const isBad = diagnoses.some(({ findings }) =>
        findings.some(({ severity }) => severity === 'problem'),
      );
      if (isBad) context.onExitCode(EXIT_CODES.failed);
    });
}

function aroundHere({ environment }: CommandContext): Facts[] {
  const fromFiles = deploymentFiles(workingDirectory(environment)).flatMap(factsOfFile);
  return [
    ...fromFiles,
    { ...noFacts('this environment', 'environment'), env: environment.allEnv() },
  ];
}

/** @throws LastcallError `LASTCALL_CLI_NO_FILE` */
function workingDirectory(environment: CliEnvironment): string {
  try {
    return environment.cwd();
  } catch (thrown) {
    const message = 'the working directory is not there any more: change to another one';
    throw new LastcallError('LASTCALL_CLI_NO_FILE', message, { cause: thrown });
  }
}

async function lookAt(context: CommandContext, targets: readonly string[]): Promise<Facts[]> {
  const found = targets.map(async (target) => {
    switch (kindOf(target)) {
      case 'file':
        return factsOfFile(target);
      case 'folder':
        return factsOfFolder(target);
      case 'process':
        return await lookAtProcessOrFolder(context, target);
    }
  });
  return (await Promise.all(found)).flat();
}

/** A folder may be called as a process is: one is meant where it is written as a path, or there is no such process. */
function kindOf(target: string): 'file' | 'folder' | 'process' {
  if (/^\d+$/.test(target) || /\.pid$/.test(target)) return 'process';
  const found = statOf(target);
  if (found === undefined) return 'process';
  if (!found.isDirectory()) return 'file';
  return /[/\\]|^\.\.?$/.test(target) ? 'folder' : 'process';
}

/** @throws LastcallError `LASTCALL_CLI_NO_FILE`, as of a link that leads to itself */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (thrown) {
    const cause = toError(thrown);
    throw new LastcallError('LASTCALL_CLI_NO_FILE', `cannot read ${path}: ${cause.message}`, {
      cause,
    });
  }
}

async function lookAtProcessOrFolder(context: CommandContext, target: string): Promise<Facts[]> {
  try {
    return [await lookAtProcess(context, target)];
  } catch (error) {
    const isFolder = statOf(target)?.isDirectory() === true;
    const isMissing = (error as LastcallError).code === 'LASTCALL_CLI_NO_PROCESS';
    if (isFolder && isMissing) return factsOfFolder(target);
    throw error;
  }
}

async function lookAtProcess({ environment }: CommandContext, target: string): Promise<Facts> {
  const { pid, control } = await findTarget(environment, target);
  const facts = factsOfProcess(environment, pid, await settingsOf(control));
  if (facts !== null) return facts;
  throw new LastcallError(
    'LASTCALL_CLI_IMPOSSIBLE',
    `process ${pid} cannot be looked at: that takes /proc, which only Linux has; give the files instead`,
  );
}

/** What the process itself says of its times; null where it cannot be asked. */
async function settingsOf(control: ControlAddress | null): Promise<Times | null> {
  if (control === null) return null;
  const asked = askControl<'status'>(
    control.path,
    { command: 'status' },
    { timeoutMs: ASK_MS, progress: () => {} },
  );
  const status = await asked.catch(() => undefined);
  return status?.role === 'service' ? status.lifecycle.settings : null;
}

const ASK_MS = 3000;

const MARKS = { problem: '✗', warning: '!', hint: '·' } as const;

function render({ subject, findings }: Diagnosis, { colors }: Printer): string {
  const paint = { problem: colors.red, warning: colors.yellow, hint: colors.dim } as const;
  if (findings.length === 0)
    return `${colors.bold(printable(subject))}\n  ${colors.green('✓')} nothing found`;
  const lines = findings.map(
    ({ severity, text, advice, rule }) =>
      `  ${paint[severity](`${MARKS[severity]} ${severity}`)}: ${printable(text, 1000)} ${colors.dim(`[${rule}]`)}\n      → ${printable(advice)}`,
  );
  return [colors.bold(printable(subject)), ...lines].join('\n');
}
