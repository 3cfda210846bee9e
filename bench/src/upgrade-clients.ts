import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');

/** What load-clients.ts counted. */
export interface ClientCounts {
  readonly answered: number;
  readonly failed: number;
  readonly refused: number;
  readonly counts: Readonly<
    Record<string, { readonly answered: number; readonly failed: number; readonly refused: number }>
  >;
  readonly failures: readonly string[];
}

/** Where the clients send to, and how many of each kind there are. */
export interface ClientTargets {
  readonly web: number;
  readonly tls?: number;
  readonly h2?: number;
  readonly unix?: string;
  readonly each: number;
  readonly kinds?: readonly string[];
}

/** The clients of the test of upgrades under load, in a process of their own: none of them retries. */
export class UpgradeClients implements AsyncDisposable {
  readonly #child: ChildProcess;
  #text = '';

  constructor(targets: ClientTargets) {
    const program = join(ROOT, 'packages', 'restart', 'test', 'fixtures', 'load-clients.ts');
    this.#child = spawn(process.execPath, ['-r', 'ts-node/register/transpile-only', program], {
      cwd: ROOT,
      env: { ...process.env, LOAD: JSON.stringify(targets) },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#text += chunk;
    });
  }

  async started(): Promise<void> {
    while (!this.#text.includes('started')) await once(this.#child.stdout as never, 'data');
  }

  /** Lets the clients finish what they do, and tells what they counted. */
  async finish(): Promise<ClientCounts> {
    const closed = once(this.#child, 'close');
    this.#child.stdin?.end();
    await closed;
    return JSON.parse(this.#text.trim().split('\n').at(-1) ?? '') as ClientCounts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
  }
}
