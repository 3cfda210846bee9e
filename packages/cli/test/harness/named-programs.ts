import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Program, runProgram } from '../../../../tools/run-program';
import type { CliEnvironment } from '../../src/cli-environment';
import { type CliResult, runCli } from '../run-cli';

const ROOM = join(__dirname, '..', '..');

export interface ProgramOptions {
  readonly control?: boolean;
  readonly name?: string;
  readonly under?: readonly string[];
}

/** Programs with a name, with or without a control socket, and `lastcall` that looks for them. */
export interface NamedPrograms {
  readonly folder: string;
  /** Resolves when the program has said `up`; `source` is run before. */
  up(source: string, options?: ProgramOptions): Promise<Program>;
  lastcall(...argv: string[]): Promise<CliResult>;
  /** The same, in an environment that is changed. */
  lastcallWith(changes: Partial<CliEnvironment>, ...argv: string[]): Promise<CliResult>;
}

/** To be called once per file, outside of the tests. */
export function namedPrograms(): NamedPrograms {
  let folder = '';
  let programs: Program[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lastcall-control-'));
  });
  afterEach(async () => {
    for (const program of programs) program.kill('SIGKILL');
    await Promise.allSettled(programs.map(({ ended }) => ended));
    programs = [];
    rmSync(folder, { recursive: true, force: true });
  });
  const lastcallWith = (changes: Partial<CliEnvironment>, ...argv: string[]): Promise<CliResult> =>
    runCli(argv, {
      env: (name) => (name === 'LASTCALL_CONTROL_DIR' ? join(folder, 'control') : undefined),
      ...changes,
    });
  return {
    get folder() {
      return folder;
    },
    async up(source, options = {}) {
      const program = start(folder, source, options);
      programs.push(program);
      await program.saw('up');
      return program;
    },
    lastcall: (...argv) => lastcallWith({}, ...argv),
    lastcallWith,
  };
}

export const pidOf = ({ child }: Program): string => String(child.pid);

function start(
  folder: string,
  source: string,
  { control = true, name = 'orders', under = [] }: ProgramOptions,
): Program {
  const program = `
    const { proc } = require('@lastcall/proc');
    proc.setup({ logger: false, wrapUpTimeMs: 0, name: ${JSON.stringify(name)} });
    const say = (text) => process.stdout.write(text + '\\n');
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const alive = setInterval(() => {}, 1000);
    (async () => {
      if (${control}) await require('@lastcall/restart/control').startControl();
      ${source}
      say('up');
    })();`;
  const env = {
    LASTCALL_CONTROL_DIR: join(folder, 'control'),
    LASTCALL_DUMP_DIR: join(folder, 'dumps'),
  };
  return runProgram(ROOM, program, { env, deadlineMs: 60_000, under });
}
