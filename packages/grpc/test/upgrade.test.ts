import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { within } from '../../http/test/harness/deadline';
import { KnownProcesses } from '../../restart/test/harness/known-processes';
import type { CallsClient } from './harness/calls-service';
import { createClient } from './harness/test-server';

const DEADLINE_MS = 20_000;

/** The service of `fixtures/upgraded.cjs`, in all its generations. */
class Service {
  readonly #child = spawn(process.execPath, [join(__dirname, 'fixtures/upgraded.cjs')], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  readonly #processes = new KnownProcesses();
  #out = '';

  constructor() {
    this.#child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.#out += chunk;
      for (const [, pid] of this.#out.matchAll(/pid (\d+);/g)) this.#processes.add(Number(pid));
    });
  }

  /** Resolves with what `pattern` matches in the output. */
  async saw(pattern: RegExp): Promise<string[]> {
    const search = async (): Promise<string[]> => {
      for (;;) {
        const found = pattern.exec(this.#out);
        if (found !== null) return [...found];
        await once(this.#child.stdout, 'data');
      }
    };
    return within(`${pattern} in ${this.#out}`, search(), DEADLINE_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#processes.kill();
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'exit');
    }
  }
}

interface Tally {
  readonly by: Map<string, number>;
  readonly lost: string[];
  isOver: boolean;
}

/** Makes one call after the other, each on a channel of its own every so often, without a policy to retry. */
async function load(port: number, tally: Tally): Promise<void> {
  while (!tally.isOver) {
    const client = createClient(port);
    for (let i = 0; i < 20 && !tally.isOver; i++) await count(client, tally);
    client.close();
  }
}

function count(client: CallsClient, tally: Tally): Promise<void> {
  return new Promise((resolve) => {
    client.unary({ count: 2 }, { deadline: Date.now() + DEADLINE_MS }, (error, reply) => {
      if (error !== null) tally.lost.push(`${error.code} ${error.details}`);
      else tally.by.set(reply?.text ?? '', (tally.by.get(reply?.text ?? '') ?? 0) + 1);
      resolve();
    });
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 5));
}

describe('an upgrade of a gRPC service by SIGHUP', () => {
  it('hands the listening socket to the new generation, and finishes the calls of the old one', async () => {
    await using service = new Service();
    const [, port = '', pid = ''] = await service.saw(/port (\d+)\. ready 1 pid (\d+);/);
    const old = createClient(Number(port));
    const slow = new Promise((resolve) =>
      old.unary({ count: 1500 }, (error, reply) => resolve(error ?? reply)),
    );
    const tally: Tally = { by: new Map(), lost: [], isOver: false };
    const clients = Array.from({ length: 6 }, () => load(Number(port), tally));
    await until(() => (tally.by.get('generation 1') ?? 0) > 100);
    process.kill(Number(pid), 'SIGHUP');
    const [, nextPort] = await service.saw(/port (\d+)\. ready 2/);
    expect(nextPort).toBe(port);
    expect(await slow).toMatchObject({ text: 'generation 1' });
    await service.saw(/report 1 true/);
    const soFar = tally.by.get('generation 2') ?? 0;
    await until(() => (tally.by.get('generation 2') ?? 0) > soFar + 100);
    tally.isOver = true;
    await Promise.all(clients);
    old.close();
    expect(tally.lost).toEqual([]);
  });
});
