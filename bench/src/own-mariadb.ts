import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';

const run = promisify(execFile);
const START_MS = 60_000;

/** A MariaDB for one measurement: nobody else loads it. */
export class OwnMariadb implements AsyncDisposable {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, process: ChildProcess, folder: string) {
    this.url = url;
    this.#process = process;
    this.#folder = folder;
  }

  /** Undefined where `mariadbd` is not installed. */
  static async start(): Promise<OwnMariadb | undefined> {
    const folder = mkdtempSync(join(tmpdir(), 'lastcall-bench-mariadb-'));
    const data = join(folder, 'db');
    const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
    const login = '--auth-root-authentication-method=normal';
    try {
      const setUp = ['--no-defaults', `--datadir=${data}`, login, '--skip-test-db', ...asRoot];
      await run('mariadb-install-db', setUp);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const port = await freePort();
    const server = spawn(
      'mariadbd',
      [
        '--no-defaults',
        `--datadir=${data}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        `--socket=${join(folder, 'socket')}`,
        `--pid-file=${join(folder, 'pid')}`,
        ...asRoot,
      ],
      { stdio: 'ignore' },
    );
    const own = new OwnMariadb(`mysql://root@127.0.0.1:${port}/mysql`, server, folder);
    await own.#isUp();
    return own;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #isUp(): Promise<void> {
    const deadline = Date.now() + START_MS;
    for (;;) {
      try {
        await (await createConnection({ uri: this.url })).end();
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await delay(50);
      }
    }
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
