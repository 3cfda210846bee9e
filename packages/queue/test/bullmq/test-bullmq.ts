import { randomUUID } from 'node:crypto';
import { type Job, Queue, Worker, type WorkerOptions } from 'bullmq';
import { Worker as Worker5 } from 'bullmq-5';
import { Redis } from 'ioredis';
import { describeServer } from '../../../../tools/servers/describe-server';
import { startTcpProxy, type TcpProxy } from '../harness/tcp-proxy';

export type Processor = (job: Job, token?: string, signal?: AbortSignal) => Promise<unknown>;

/** Redis as the tests see it, over a connection that no drain touches, with one queue of the test's own. */
export class TestBullmq {
  readonly url: string;
  readonly queue: Queue;
  readonly #Worker: typeof Worker;
  readonly #redis: Redis;
  readonly #undo: (() => unknown)[] = [];

  constructor(url: string, version: 5 | 6 = 6) {
    this.url = url;
    this.#Worker = version === 5 ? (Worker5 as never) : Worker;
    this.#redis = new Redis(url, { maxRetriesPerRequest: null });
    this.queue = new Queue(`lastcall-${randomUUID()}`, { connection: this.#redis });
  }

  /** Adds `count` jobs: 0, 1, … */
  async add(count: number): Promise<void> {
    await this.queue.addBulk(
      Array.from({ length: count }, (_, i) => ({ name: 'job', data: i, opts: { jobId: `j${i}` } })),
    );
  }

  /** How many jobs are in which state. */
  async states(): Promise<Record<string, number>> {
    const counts = await this.queue.getJobCounts('waiting', 'active', 'completed', 'failed');
    return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  }

  worker(
    processor: Processor | string,
    options: Partial<WorkerOptions> = {},
    url = this.url,
  ): Worker {
    const { hostname, port, password } = new URL(url);
    const connection = { host: hostname, port: Number(port), ...(password ? { password } : {}) };
    const worker = new this.#Worker(this.queue.name, processor, { connection, ...options });
    worker.on('error', () => {});
    return worker;
  }

  async proxy(): Promise<TcpProxy> {
    const proxy = await startTcpProxy(this.url);
    this.#undo.push(() => proxy.close());
    return proxy;
  }

  async close(): Promise<void> {
    for (const undo of this.#undo.toReversed()) await undo();
    await this.queue.obliterate({ force: true });
    await this.queue.close();
    this.#redis.disconnect();
  }
}

/** `describeServer()` with a queue of each test's own, and workers of a version. `bullmq()` is it, inside of tests. */
export function describeBullmq(
  name: string,
  body: (bullmq: () => TestBullmq) => void,
  version?: 5 | 6,
): void {
  describeServer('Redis', name, (url) => {
    let bullmq: TestBullmq;
    beforeEach(() => {
      bullmq = new TestBullmq(url, version);
    });
    afterEach(() => bullmq.close());
    body(() => bullmq);
  });
}
