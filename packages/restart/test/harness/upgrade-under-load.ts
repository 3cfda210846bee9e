import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Service, send } from './service';

/** What the clients counted. */
export interface LoadResult {
  readonly answered: number;
  readonly failed: number;
  /** Refused in a way that makes it safe to send again. */
  readonly refused: number;
  readonly counts: Readonly<
    Record<string, { readonly answered: number; readonly failed: number; readonly refused: number }>
  >;
  readonly failures: readonly string[];
}

const ROOT = join(__dirname, '..', '..', '..', '..');
const TYPESCRIPT = join(ROOT, 'tools', 'register-typescript.cjs');

/** Clients of every kind in a process of their own. */
export class Load {
  readonly #child: ChildProcess;
  #text = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#text += chunk;
    });
  }

  /** Resolves when the clients are at work. */
  static async start(service: Service, each: number, kinds?: readonly string[]): Promise<Load> {
    const addresses = await Promise.all(
      ['web', 'tls', 'h2', 'grpc', 'unix'].map(async (name) => {
        const { address } = await service.saw({ generation: 1, name });
        return [name, name === 'unix' ? address : Number(String(address).split(':')[1])] as const;
      }),
    );
    const targets = { ...Object.fromEntries(addresses), each, kinds };
    const program = join(__dirname, '..', 'fixtures', 'load-clients.ts');
    const child = spawn(process.execPath, ['-r', TYPESCRIPT, program], {
      cwd: ROOT,
      env: { ...process.env, NODE_OPTIONS: '', LOAD: JSON.stringify(targets) },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const load = new Load(child);
    while (!load.#text.includes('started')) await once(child.stdout as NodeJS.EventEmitter, 'data');
    return load;
  }

  /** How many requests there were so far, in thousands rounded down. */
  get sent(): number {
    return Number(/.*sent (\d+)\n/s.exec(this.#text)?.[1] ?? 0);
  }

  /** Lets the clients finish what they do, and tells what they counted. */
  async finish(): Promise<LoadResult> {
    const closed = once(this.#child, 'close');
    this.#child.stdin?.end();
    await closed;
    return JSON.parse(this.#text.trim().split('\n').at(-1) ?? '') as LoadResult;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Upgrades `service` so many times, each once the last one is done. */
export async function upgradeTimes(service: Service, times: number): Promise<void> {
  for (let generation = 1; generation <= times; generation += 1) {
    const pid = await service.ready(generation);
    send(pid, 'SIGHUP');
    await service.saw({ pid, step: 'done' });
  }
}
