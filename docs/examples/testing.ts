// How a service tests its own stop: signals, time and the end of the process are fake, so it takes no time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lifecycle } from '@lastcall/proc';
import { createTestLifecycle } from '@lastcall/proc/testing';

/** The code under test: a buffer that is flushed when the process stops, but gives up at the hammer. */
function createBuffer(lifecycle: Lifecycle, flush: (signal: AbortSignal) => Promise<void>): void {
  lifecycle.onShutdown(({ signal }) => flush(signal), { name: 'buffer', stage: 'work' });
}

test('the buffer is flushed when the wrap-up is over, and the process dies by the signal', async () => {
  const process = createTestLifecycle();
  let flushes = 0;
  createBuffer(process.lifecycle, async () => void (flushes += 1));
  process.kill('SIGTERM');
  await process.clock.advance(999);
  assert.equal(flushes, 0);
  await process.clock.advance(1);
  assert.equal(flushes, 1);
  assert.deepEqual(process.end, { signal: 'SIGTERM', code: null });
});

test('a flush that hangs is cut by the hammer', async () => {
  const process = createTestLifecycle({ exit: 'code' });
  const hang = (signal: AbortSignal): Promise<void> =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  createBuffer(process.lifecycle, hang);
  const stopped = process.lifecycle.shutdown('test');
  await process.clock.advance(4500);
  const [buffer] = (await stopped).listeners;
  assert.equal(buffer?.outcome, 'cut');
  assert.deepEqual(process.end, { signal: null, code: 1 });
});
