import { ExpiryQueue } from '../src/expiry-queue';
import { within } from './harness/deadline';

function collect(count: number): {
  queue: ExpiryQueue<number>;
  batches: number[][];
  done: Promise<void>;
} {
  const batches: number[][] = [];
  let finish = (): void => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const queue = new ExpiryQueue<number>((items) => {
    batches.push(items);
    if (batches.flat().length === count) finish();
  });
  return { queue, batches, done };
}

describe('ExpiryQueue', () => {
  it('hands over in order, together what is due together', async () => {
    const { queue, batches, done } = collect(4);
    const now = performance.now();
    queue.add(1, now);
    queue.add(2, now);
    queue.add(3, now);
    queue.add(4, now + 60);
    await within('4 items', done);
    expect(batches.at(-1)).toEqual([4]);
    expect(batches.flat()).toEqual([1, 2, 3, 4]);
  });

  it('hands nothing over before it is due', async () => {
    const { queue, done } = collect(1);
    const dueAt = performance.now() + 20;
    queue.add(1, dueAt);
    await within('1 item', done);
    expect(performance.now()).toBeGreaterThanOrEqual(dueAt);
  });

  it('takes items while it hands over', async () => {
    const order: number[] = [];
    await within(
      'the second item',
      new Promise<void>((resolve) => {
        const queue = new ExpiryQueue<number>(([item]) => {
          order.push(item as number);
          if (item === 1) queue.add(2, performance.now());
          else resolve();
        });
        queue.add(1, performance.now());
      }),
    );
    expect(order).toEqual([1, 2]);
  });

  it('forgets everything on clear()', async () => {
    const { queue, batches, done } = collect(1);
    queue.add(1, performance.now());
    queue.clear();
    queue.add(2, performance.now() + 5);
    await within('1 item', done);
    expect(batches).toEqual([[2]]);
  });
});
