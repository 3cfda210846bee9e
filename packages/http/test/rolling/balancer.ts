import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { within } from '../harness/deadline';

const CONFIG_FOLDER = join(__dirname, '../../../../docs/deploy');

/** The path of an installed program, or undefined. Debian keeps balancers where only root's PATH looks. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The configuration that docs/deploy recommends, with each of its addresses and paths replaced by the test's. */
export function recommendedConfig(
  file: string,
  replacements: Readonly<Record<string, string>>,
): string {
  let config = readFileSync(join(CONFIG_FOLDER, file), 'utf8');
  for (const [recommended, own] of Object.entries(replacements)) {
    if (!config.includes(recommended)) throw new Error(`${file} has no '${recommended}'`);
    config = config.replaceAll(recommended, own);
  }
  return config;
}

/** `count` ports of 127.0.0.1 that nobody uses at the moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** A balancer that runs in the foreground, as a process of its own. */
export class Balancer {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  #errors = '';

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#ended = once(this.#child, 'close');
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#errors += chunk;
    });
  }

  /** What it wrote to stderr. */
  get errors(): string {
    return this.#errors;
  }

  /** Resolves when the balancer accepts connections on `port`. */
  async listensOn(port: number): Promise<void> {
    const accepted = this.#connectUntilAccepted(port);
    await within(`a balancer on port ${port}`, accepted);
  }

  async #connectUntilAccepted(port: number): Promise<void> {
    while (this.#child.exitCode === null) {
      const socket = connect(port, '127.0.0.1');
      const isAccepted = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (isAccepted) return;
    }
    throw new Error(`the balancer ended with exit code ${this.#child.exitCode}: ${this.#errors}`);
  }

  async dispose(): Promise<void> {
    this.#child.kill('SIGTERM');
    await within('the end of the balancer', this.#ended);
  }
}
