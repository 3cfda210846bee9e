import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CliEnvironment } from '../cli-environment';
import { environmentOf } from './process-facts';

/** The files that a process has written into its dump directory, as far as that can be told from outside. */
export class DumpFiles {
  readonly #directories: readonly string[];
  readonly #pid: number;
  readonly #before: ReadonlySet<string>;

  constructor(environment: CliEnvironment, pid: number) {
    const env = environmentOf(environment, pid);
    const own = `lastcall-${environment.uid ?? ''}`;
    const roots = [env.LASTCALL_DUMP_DIR, env.TMPDIR ?? environment.temporaryDirectory()];
    this.#directories = roots.flatMap((root) =>
      root === undefined || root === '' ? [] : [root, join(root, own)],
    );
    this.#pid = pid;
    this.#before = new Set(this.#list());
  }

  /** Those that were not there when this was made. */
  fresh(kind: RegExp): string[] {
    return this.#list().filter((path) => !this.#before.has(path) && kind.test(path));
  }

  #list(): string[] {
    const isOurs = new RegExp(`-${this.#pid}-[a-z]+-\\d{8}T\\d{9}Z`);
    return this.#directories.flatMap((directory) =>
      namesIn(directory)
        .filter((name) => isOurs.test(name) && !name.startsWith('.'))
        .map((name) => join(directory, name)),
    );
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
