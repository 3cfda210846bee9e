import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { eventually } from '../../../tools/eventually';

/** The server as the tests see it, from a connection that no drain touches. */
export class TestRedis {
  readonly #prefix: string = `lastcall:${randomUUID()}:`;
  #test = 0;
  readonly url: string;
  readonly #admin: Redis;

  constructor(url: string) {
    this.url = url;
    this.#admin = new Redis(url, { lazyConnect: true });
  }

  /** A key of the test's own. */
  key(name: string): string {
    return `${this.#prefix}${this.#test}:${name}`;
  }

  /** From now on keys are those of another test. */
  nextTest(): void {
    this.#test++;
  }

  get(name: string): Promise<string | null> {
    return this.#admin.get(this.key(name));
  }

  push(name: string, value: string): Promise<number> {
    return this.#admin.rpush(this.key(name), value);
  }

  length(name: string): Promise<number> {
    return this.#admin.llen(this.key(name));
  }

  /** Resolves when `count` connections with this name wait in a command that blocks. */
  async blocked(connectionName: string, count = 1): Promise<void> {
    await this.eventually(
      () => this.clients(connectionName),
      (clients) => clients.filter((line) => / flags=\w*b/.test(line)).length === count,
    );
  }

  /** The connections with this name that are left once the server has heard of our ends: none, if all is well. */
  gone(connectionName: string): Promise<string[]> {
    return this.eventually(
      () => this.clients(connectionName),
      (clients) => clients.length === 0,
    );
  }

  async clients(connectionName: string): Promise<string[]> {
    const list = (await this.#admin.client('LIST')) as string;
    return list.split('\n').filter((line) => line.includes(` name=${connectionName} `));
  }

  readonly eventually = eventually;

  async close(): Promise<void> {
    const keys = await this.#admin.keys(`${this.#prefix}*`);
    if (keys.length > 0) await this.#admin.del(...keys);
    this.#admin.disconnect();
  }
}
