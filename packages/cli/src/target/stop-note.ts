import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { controlDirectory, makePrivateDirectory } from '@lastcall/restart/control';
import type { CliEnvironment } from '../cli-environment';
import { startTimeOf } from './process-facts';

/**
 * Keeps in mind that a process was sent SIGTERM: without a control socket it cannot say that it stops, and a second one would
 * end it at once. A file beside the control sockets, with the start time of the process, as its pid may be used again.
 */
export class StopNote {
  readonly #environment: CliEnvironment;
  readonly #folder: string;
  readonly #path: string;
  /** Null where the system does not tell: then nothing is kept in mind. */
  readonly #startedAt: string | null;

  constructor(environment: CliEnvironment, pid: number) {
    this.#environment = environment;
    this.#folder = controlDirectory(environment.env);
    this.#path = join(this.#folder, `${pid}${ENDING}`);
    this.#startedAt = startTimeOf(environment, pid);
  }

  /** Notes that it is asked now. @returns whether it was before, or `unknown` where that cannot be kept in mind */
  take(): 'first' | 'again' | 'unknown' {
    if (this.#startedAt === null) return 'unknown';
    try {
      makePrivateDirectory(this.#folder);
      this.#removeOld();
      writeFileSync(this.#path, this.#startedAt, { flag: 'wx', mode: 0o600 });
      return 'first';
    } catch (thrown) {
      return (thrown as NodeJS.ErrnoException).code === 'EEXIST' ? 'again' : 'unknown';
    }
  }

  /** It has ended, or was not asked after all. */
  remove(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // Where it could not be written there is nothing to remove.
    }
  }

  /** Those of processes that are gone: nobody may have waited for their end. */
  #removeOld(): void {
    for (const name of readdirSync(this.#folder)) {
      if (!name.endsWith(ENDING)) continue;
      const path = join(this.#folder, name);
      const startedAt = startTimeOf(this.#environment, Number.parseInt(name, 10));
      if (startedAt !== readFileSync(path, 'utf8')) rmSync(path, { force: true });
    }
  }
}

const ENDING = '.stop';
