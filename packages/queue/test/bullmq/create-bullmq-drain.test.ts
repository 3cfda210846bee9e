import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DelayedError, type Job, RateLimitError, UnrecoverableError, type Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { eventually } from '../../../../tools/eventually';
import { createBullmqDrain, type QueueDrain } from '../../src/bullmq';
import { createGate } from '../harness/gate';
import { seededRandom } from '../harness/random';
import { describeBullmq, type TestBullmq } from './test-bullmq';

describeBullmq('createBullmqDrain() with BullMQ 6', suite, 6);
describeBullmq('createBullmqDrain() with BullMQ 5', suite, 5);

function suite(bullmq: () => TestBullmq): void {
  const never = (): AbortSignal => new AbortController().signal;
  const now = (): AbortSignal => AbortSignal.abort();
  const drainOf = (worker: Worker): QueueDrain => createBullmqDrain(worker, { cutGraceMs: 20 });
  const hang = (): Promise<never> => new Promise(() => {});

  const inHand = (drain: QueueDrain, count: number): Promise<number> =>
    eventually(
      () => drain.gauges().inHand,
      (found) => found === count,
    );

  describe('a worker that drains', () => {
    it('ends at once when idle, and twice is once', async () => {
      const worker = bullmq().worker(async () => {});
      const drain = drainOf(worker);
      await worker.waitUntilReady();
      const stopped = drain.stop({ signal: never() });
      expect(drain.stop({ signal: never() })).toBe(stopped);
      expect(await stopped).toEqual({ drained: 0, cut: [], handedBack: 0, errors: [] });
      await bullmq().add(1);
      expect(await bullmq().states()).toEqual({ waiting: 1 });
    });

    it('lets an application that closes the worker itself wait for it, not for a processor that hangs', async () => {
      await bullmq().add(1);
      const worker = bullmq().worker(hang);
      const drain = drainOf(worker);
      await inHand(drain, 1);
      const stopped = drain.stop({ signal: now() });
      await worker.close();
      expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'handed back' }] });
      await worker.close();
    });

    it('ends at once when it was never used', async () => {
      const drain = drainOf(bullmq().worker(async () => {}, { autorun: false }));
      expect(await drain.stop({ signal: never() })).toMatchObject({ drained: 0, errors: [] });
    });

    it('ends at once, and crashes nobody, while it connects', async () => {
      for (let i = 0; i < 5; i++) {
        const worker = bullmq().worker(async () => {});
        const drain = drainOf(worker);
        await delay(i);
        expect(await drain.stop({ signal: never() })).toMatchObject({ drained: 0, cut: [] });
      }
    });

    it('finishes the jobs in hand, also those that fail or move themselves, and takes no more', async () => {
      await bullmq().add(6);
      const gate = createGate();
      const worker = bullmq().worker(
        async (job, token) => {
          await gate.opened;
          if (job.data === 1) throw new Error('cannot be packed');
          if (job.data === 2) {
            await job.moveToDelayed(Date.now() + 60_000, token);
            throw new DelayedError();
          }
        },
        { concurrency: 3 },
      );
      const drain = drainOf(worker);
      await inHand(drain, 3);
      const stopped = drain.stop({ signal: never() });
      gate.open();
      expect(await stopped).toEqual({ drained: 3, cut: [], handedBack: 0, errors: [] });
      expect(await bullmq().states()).toEqual({ completed: 1, failed: 1, waiting: 3 });
      expect(await bullmq().queue.getDelayedCount()).toBe(1);
    });

    it('does not wait for the end of a rate limit that a job in hand has met', async () => {
      await bullmq().add(1);
      const gate = createGate();
      const worker = bullmq().worker(
        async () => {
          await gate.opened;
          await worker.rateLimit(60_000);
          throw new RateLimitError();
        },
        { limiter: { max: 1, duration: 1000 } },
      );
      const drain = drainOf(worker);
      await inHand(drain, 1);
      const stopped = drain.stop({ signal: never() });
      gate.open();
      expect(await stopped).toEqual({ drained: 1, cut: [], handedBack: 0, errors: [] });
      expect(await bullmq().states()).toEqual({ waiting: 1 });
    });

    it('leaves a client of the application open', async () => {
      const client = new Redis(bullmq().url, { maxRetriesPerRequest: null });
      const drain = drainOf(bullmq().worker(async () => {}, { connection: client }));
      expect(await drain.stop({ signal: never() })).toMatchObject({ errors: [] });
      expect(await client.ping()).toBe('PONG');
      await client.quit();
    });
  });

  describe('the hammer', () => {
    it('hands jobs back without costing an attempt, aborts their signal, and lists them', async () => {
      await bullmq().add(3);
      const aborted: unknown[] = [];
      const worker = bullmq().worker(
        async (job, _token, signal) => {
          if (job.data === 0) return hang();
          await once(signal as AbortSignal, 'abort');
          aborted.push(job.data);
          throw new Error('given up');
        },
        { concurrency: 2 },
      );
      const drain = drainOf(worker);
      await inHand(drain, 2);
      const { drained, cut } = await drain.stop({ signal: now() });
      expect(drained).toBe(0);
      const back = { outcome: 'handed back', queue: worker.name, ageMs: expect.any(Number) };
      expect(cut).toEqual([
        { ...back, id: 'j0' },
        { ...back, id: 'j1' },
      ]);
      await eventually(
        () => aborted.length,
        (count) => count === 1,
      );
      expect(await bullmq().states()).toEqual({ waiting: 3 });
      const job = (await bullmq().queue.getJob('j1')) as Job;
      expect(job.attemptsMade).toBe(0);
    });

    it('hands back the job of a processor that gives up because of cutSignal, which costs no attempt', async () => {
      await bullmq().add(3);
      const errors = [
        () => drain.cutSignal.reason,
        () => new Error('given up'),
        () => new UnrecoverableError('can never be packed'),
      ];
      const worker = bullmq().worker(
        async (job) => {
          await once(drain.cutSignal, 'abort');
          throw errors[job.data]?.();
        },
        { concurrency: 3 },
      );
      const drain: QueueDrain = createBullmqDrain(worker, { cutGraceMs: 10_000 });
      await inHand(drain, 3);
      const { drained, cut } = await drain.stop({ signal: now() });
      const back = { outcome: 'handed back', queue: worker.name, ageMs: expect.any(Number) };
      expect(cut.toSorted((one, other) => (one.id < other.id ? -1 : 1))).toEqual([
        { ...back, id: 'j0' },
        { ...back, id: 'j1' },
      ]);
      expect(drained).toBe(1);
      expect(await bullmq().states()).toEqual({ waiting: 2, failed: 1 });
      const job = (await bullmq().queue.getJob('j1')) as Job;
      expect(job.attemptsMade).toBe(0);
    });

    it('ends the process of a sandboxed processor, which would go on with a job that was handed back', async () => {
      await bullmq().add(1);
      const folder = mkdtempSync(join(tmpdir(), 'lastcall-'));
      const file = join(folder, 'processor.cjs');
      writeFileSync(
        file,
        `module.exports = async (job) => {
          await job.updateProgress(process.pid);
          await new Promise((resolve) => setTimeout(resolve, 60_000));
        };`,
      );
      const worker = bullmq().worker(file);
      const drain = drainOf(worker);
      const [, pid] = (await once(worker, 'progress')) as [Job, number];
      const { cut, errors } = await drain.stop({ signal: now() });
      expect(cut).toMatchObject([{ outcome: 'handed back', id: 'j0' }]);
      expect(errors).toEqual([]);
      expect(
        await eventually(
          () => isAlive(pid),
          (alive) => !alive,
        ),
      ).toBe(false);
      expect(await bullmq().states()).toEqual({ waiting: 1 });
      expect((await bullmq().queue.getJob('j0'))?.attemptsMade).toBe(0);
      rmSync(folder, { recursive: true });
    });

    it('lets processors that watch cutSignal end by themselves', async () => {
      await bullmq().add(1);
      const worker = bullmq().worker(() => once(drain.cutSignal, 'abort'));
      const drain = createBullmqDrain(worker, { cutGraceMs: 10_000 });
      await inHand(drain, 1);
      expect(await drain.stop({ signal: now() })).toMatchObject({ drained: 1, cut: [] });
      expect(await bullmq().states()).toEqual({ completed: 1 });
    });
  });

  describe('a worker that is at jobs when it is attached', () => {
    /** A worker that is at `count` jobs, which `processor` ends. */
    async function busyWorker(
      count: number,
      processor: (job: Job, token?: string) => Promise<unknown>,
    ): Promise<Worker> {
      await bullmq().add(count);
      let begun = 0;
      const worker = bullmq().worker(
        (job, token) => {
          begun += 1;
          return processor(job, token);
        },
        { concurrency: count },
      );
      await eventually(
        () => begun,
        (found) => found === count,
      );
      return worker;
    }

    it('waits for them, also for those that fail or move themselves, and counts them', async () => {
      const gate = createGate();
      const worker = await busyWorker(3, async (job, token) => {
        await gate.opened;
        if (job.data === 1) throw new Error('cannot be packed');
        if (job.data === 2) {
          await job.moveToDelayed(Date.now() + 60_000, token);
          throw new DelayedError();
        }
      });
      const drain = drainOf(worker);
      expect(drain.inFlight().activities).toMatchObject([
        { name: `${worker.name} j0`, state: 'in hand' },
        { name: `${worker.name} j1` },
        { name: `${worker.name} j2` },
      ]);
      const stopped = drain.stop({ signal: never() });
      gate.open();
      expect(await stopped).toEqual({ drained: 3, cut: [], handedBack: 0, errors: [] });
      expect(await bullmq().states()).toEqual({ completed: 1, failed: 1 });
    });

    it('forgets them when they end before the stop', async () => {
      const gate = createGate();
      const worker = await busyWorker(2, async (job, token) => {
        await gate.opened;
        if (job.data === 0) return;
        await job.moveToDelayed(Date.now() + 60_000, token);
        throw new DelayedError();
      });
      const drain = drainOf(worker);
      expect(drain.gauges().inHand).toBe(2);
      gate.open();
      await inHand(drain, 0);
      expect(await drain.stop({ signal: never() })).toMatchObject({ drained: 0, cut: [] });
    });

    it('hands them back at the hammer, and says that their handlers have not returned', async () => {
      const worker = await busyWorker(2, hang);
      const { drained, cut, errors } = await drainOf(worker).stop({ signal: now() });
      expect(drained).toBe(0);
      expect(cut).toMatchObject([
        { outcome: 'handed back', id: 'j0' },
        { outcome: 'handed back', id: 'j1' },
      ]);
      expect(errors).toMatchObject([{ code: 'LASTCALL_QUEUE_CLOSE_LATE' }]);
      expect(errors[0]?.message).toMatch(/in time: 2 handlers have not returned;/);
      expect(await bullmq().states()).toEqual({ waiting: 2 });
      expect((await bullmq().queue.getJob('j0'))?.attemptsMade).toBe(0);
    });
  });

  describe('a Redis that is gone', () => {
    it('killed mid-way: the outcome of what finishes is unknown, and it ends', async () => {
      await bullmq().add(1);
      const proxy = await bullmq().proxy();
      const gate = createGate();
      const worker = bullmq().worker(() => gate.opened, {}, proxy.via(bullmq().url));
      const drain = drainOf(worker);
      await inHand(drain, 1);
      const hammer = new AbortController();
      const stopped = drain.stop({ signal: hammer.signal });
      proxy.kill();
      gate.open();
      await delay(50);
      hammer.abort();
      expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'outcome unknown' }] });
      expect(await bullmq().states()).toEqual({ active: 1 });
    });

    it.each(['idle', 'with a job in hand'])('frozen, %s: it ends in time', async (when) => {
      const count = when === 'idle' ? 0 : 1;
      await bullmq().add(count);
      const proxy = await bullmq().proxy();
      const worker = bullmq().worker(hang, {}, proxy.via(bullmq().url));
      const drain = drainOf(worker);
      await worker.waitUntilReady();
      await inHand(drain, count);
      proxy.freeze();
      const { cut } = await drain.stop({ signal: count === 0 ? never() : now() });
      expect(cut.map(({ outcome }) => outcome)).toEqual(count === 0 ? [] : ['cut']);
      expect(
        await eventually(
          () => proxy.connections,
          (open) => open === 0,
        ),
      ).toBe(0);
    });

    it('unreachable: it ends in time', async () => {
      const proxy = await bullmq().proxy();
      proxy.kill();
      const drain = drainOf(bullmq().worker(async () => {}, {}, proxy.via(bullmq().url)));
      const { drained, cut } = await drain.stop({ signal: never() });
      expect({ drained, cut }).toEqual({ drained: 0, cut: [] });
    });
  });

  describe('a stop at a random moment', () => {
    it.each([1, 2, 3, 4, 5, 6, 7, 8])('loses nothing (seed %i)', async (seed) => {
      const random = seededRandom(seed);
      const total = 60;
      await bullmq().add(total);
      const done: string[] = [];
      const failed: string[] = [];
      const worker = bullmq().worker(
        async (job) => {
          await delay(random() * 10);
          if (random() < 0.1) {
            failed.push(job.id as string);
            throw new Error('cannot be packed');
          }
          done.push(job.id as string);
        },
        { concurrency: 1 + Math.floor(random() * 20) },
      );
      const drain = drainOf(worker);
      await delay(random() * 120);
      const hammer = new AbortController();
      if (random() < 0.5) setTimeout(() => hammer.abort(), random() * 10);
      const { cut } = await drain.stop({ signal: hammer.signal });
      const [completed, refused, waiting] = await Promise.all(
        (['completed', 'failed', 'waiting'] as const).map(async (state) =>
          (await bullmq().queue.getJobs(state)).map(({ id }) => id as string),
        ),
      );
      expect(await bullmq().states()).not.toHaveProperty('active');
      for (const { id, outcome } of cut) {
        if (outcome === 'handed back') expect(waiting).toContain(id);
        else expect(outcome).toBe('outcome unknown');
      }
      // A processor may come to its end after its job was handed back: somebody else does the job again.
      const returned = new Set(cut.map(({ id }) => id));
      const kept = (ids: string[]): string[] => ids.filter((id) => !returned.has(id)).toSorted();
      expect(completed?.toSorted()).toEqual(kept(done));
      expect(refused?.toSorted()).toEqual(kept(failed));
      expect([...(completed ?? []), ...(refused ?? []), ...(waiting ?? [])]).toHaveLength(total);
    });
  });

  it('leaves the worker as it was when it is detached', async () => {
    // BullMQ 5, closed during its check for stalled jobs, would leave the timer of the next one.
    const worker = bullmq().worker(async () => {}, { skipStalledCheck: true });
    const drain = createBullmqDrain(worker);
    expect(() => createBullmqDrain(worker)).toThrow(/has one already/);
    drain.detach();
    expect(Object.hasOwn(worker, 'processJob')).toBe(false);
    expect(Object.hasOwn(worker, 'callProcessJob')).toBe(false);
    expect(worker.listenerCount('completed')).toBe(0);
    await worker.close();
  });

  it('refuses what is not a worker', () => {
    expect(() => createBullmqDrain({} as never)).toThrow(/a Worker of BullMQ is needed/);
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
