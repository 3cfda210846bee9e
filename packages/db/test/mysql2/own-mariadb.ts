import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { freePort } from '../../../restart/test/harness/free-port';

const run = promisify(execFile);
const START_MS = 60_000;

/** A server of the test's own, which may be killed and frozen. */
export class OwnMariadb {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(process: ChildProcess, folder: string, port: number) {
    this.#process = process;
    this.#folder = folder;
    this.url = `mysql://root@127.0.0.1:${port}/test`;
  }

  /** @param settings - More of the server's command line. */
  static async start(...settings: string[]): Promise<OwnMariadb> {
    const folder = mkdtempSync(join(tmpdir(), 'lastcall-mariadb-'));
    const data = join(folder, 'db');
    const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
    await run('mariadb-install-db', [
      '--no-defaults',
      `--datadir=${data}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      ...asRoot,
    ]);
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
        ...settings,
      ],
      { stdio: 'ignore' },
    );
    const own = new OwnMariadb(server, folder, port);
    await own.#isUp(port);
    return own;
  }

  /** SIGKILL: gone in the middle of whatever it does. SIGSTOP: frozen. SIGTERM: a shutdown. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async close(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGKILL');
      await once(this.#process, 'exit');
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #isUp(port: number): Promise<void> {
    const deadline = Date.now() + START_MS;
    for (;;) {
      try {
        const admin = await createConnection({ host: '127.0.0.1', port, user: 'root' });
        await admin.query('create database test');
        await admin.query('create table test.work (i int) engine=innodb');
        await admin.end();
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}
