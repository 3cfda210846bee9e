import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describeWith, type Need } from '../../../proc/test/harness/needs';

const PROGRAM = join(
  __dirname,
  '..',
  '..',
  '..',
  '..',
  'tools',
  'servers',
  'embedded-postgres.mjs',
);
const FIXTURES = join(__dirname, '..', '..', '..', 'http', 'test', 'fixtures');

/** What {@link OwnPostgres} starts. */
const EMBEDDED_POSTGRES: Need = {
  isThere: () => {
    try {
      require.resolve('embedded-postgres');
      return true;
    } catch (error) {
      // Its exports are for `import` only; that it is there is all that matters.
      return (error as NodeJS.ErrnoException).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED';
    }
  },
  missing: 'embedded-postgres is not installed',
  canBeHad: true,
};

/** A server of the test's own, from the package embedded-postgres: it may be killed and frozen. */
export class OwnPostgres {
  readonly url: string;
  readonly #program: ChildProcess;
  readonly #pid: number;

  private constructor(program: ChildProcess, url: string, pid: number) {
    this.#program = program;
    this.url = url;
    this.#pid = pid;
  }

  /** @param settings - Of postgresql.conf, `name=value`. */
  static async start(...settings: string[]): Promise<OwnPostgres> {
    const program = spawn(process.execPath, [PROGRAM, ...settings], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(program, 'close').then(() => {
      throw new Error('embedded-postgres ended before it took connections');
    });
    ended.catch(() => {});
    const [line] = await Promise.race([once(createInterface(program.stdout), 'line'), ended]);
    const [, url, , pid] = String(line).split(' ');
    return new OwnPostgres(program, url as string, Number(pid));
  }

  /** A server that takes connections over TLS only. */
  static async startWithTls(): Promise<OwnPostgres & { readonly clean: () => void }> {
    const folder = mkdtempSync(join(tmpdir(), 'lastcall-tls-'));
    chmodSync(folder, 0o755);
    const files = ['localhost.cert.pem', 'localhost.key.pem'].map((name) => {
      const file = join(folder, name);
      copyFileSync(join(FIXTURES, name), file);
      chmodSync(file, 0o600);
      // Run by root, the server runs as another user.
      if (process.getuid?.() === 0) execFileSync('chown', ['postgres', file]);
      return file;
    });
    const own = await OwnPostgres.start(
      'ssl=on',
      `ssl_cert_file=${files[0]}`,
      `ssl_key_file=${files[1]}`,
    );
    return Object.assign(own, { clean: () => rmSync(folder, { recursive: true, force: true }) });
  }

  /** To the server and all its sessions. SIGKILL: gone in the middle of whatever it does. SIGSTOP: frozen. */
  signal(signal: NodeJS.Signals): void {
    const sessions = execFileSync('pgrep', ['-P', String(this.#pid)], { encoding: 'utf8' });
    for (const pid of [this.#pid, ...sessions.trim().split('\n').map(Number)]) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#program, 'close');
    this.#program.stdin?.end();
    await closed;
  }
}

/** Like describe(); a server of one's own is needed, to be killed. */
export function describeOwn(name: string, body: () => void): void {
  describeWith([EMBEDDED_POSTGRES])(name, body);
}
