import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PROGRAM = join(__dirname, '..', '..', 'tools', 'servers', 'embedded-postgres.mjs');

/** A PostgreSQL for one measurement: nobody else loads it, and there are connections enough. */
export class OwnPostgres implements AsyncDisposable {
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(url: string, process: ChildProcess) {
    this.url = url;
    this.#process = process;
  }

  static async start(): Promise<OwnPostgres> {
    const child = spawn(process.execPath, [PROGRAM, 'max_connections=200'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(child, 'close').then(() => {
      throw new Error('embedded-postgres ended before it took connections');
    });
    ended.catch(() => {});
    const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
    return new OwnPostgres((line as string).split(' ')[1] as string, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin?.end();
    if (this.#process.exitCode === null) await once(this.#process, 'close');
  }
}
