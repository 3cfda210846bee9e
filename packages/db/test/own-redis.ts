import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describeWith } from '../../proc/test/harness/needs';
import { freePort } from '../../restart/test/harness/free-port';

const START_MS = 20_000;

/** A server of the test's own, which may be killed and frozen. It keeps nothing. */
export class OwnRedis {
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.url = `redis://127.0.0.1:${port}`;
  }

  static async start(): Promise<OwnRedis> {
    const port = await freePort();
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
    ];
    const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const own = new OwnRedis(server, port);
    const signal = AbortSignal.timeout(START_MS);
    const lines = createInterface({ input: server.stdout, signal });
    for await (const line of lines) if (line.includes('Ready to accept connections')) break;
    server.stdout.resume();
    if (server.exitCode !== null || signal.aborted)
      throw new Error(`redis-server does not take connections on port ${port}`);
    return own;
  }

  /** SIGKILL: gone in the middle of whatever it does. SIGSTOP: frozen. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}

/** Like describe(), with a server of its own for each test. `own()` is it, inside of tests. */
export function describeOwnRedis(name: string, body: (own: () => OwnRedis) => void): void {
  describeWith(['redis-server'])(name, () => {
    let own: OwnRedis;
    beforeEach(async () => {
      own = await OwnRedis.start();
    });
    afterEach(() => own.close());
    body(() => own);
  });
}
