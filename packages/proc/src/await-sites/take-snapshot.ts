import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { getHeapSnapshot } from 'node:v8';
import type { HeapGraph } from './heap-graph';
import type { PauseClock } from './pause-clock';
import { SnapshotParser } from './snapshot-parser';

/** How much of the snapshot is read before the process gets its turn: some 10 ms. */
const SLICE_BYTES = 1 << 19;

/** The types of Node 20 do not know the options, which it has. */
const snapshot = getHeapSnapshot as (options: {
  readonly exposeNumericValues: boolean;
}) => ReturnType<typeof getHeapSnapshot>;

/** Takes a heap snapshot, at once, and reads it. */
export async function takeSnapshot(clock: PauseClock): Promise<HeapGraph> {
  return await readSnapshot(() => snapshot({ exposeNumericValues: true }), clock);
}

/**
 * Reads what `take` gives. V8 writes a snapshot in one go, and Node hands it over in one chunk, which may be 100 MB: the
 * process gets its turn before each slice of it.
 */
export async function readSnapshot(
  take: () => AsyncIterable<Buffer>,
  clock: PauseClock,
): Promise<HeapGraph> {
  const parser = new SnapshotParser();
  let pausedAt = performance.now();
  let left = 0;
  for await (const chunk of take()) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      if (left <= 0) {
        clock.add(performance.now() - pausedAt);
        await turn();
        clock.assertInTime();
        pausedAt = performance.now();
        left = SLICE_BYTES;
      }
      const slice = chunk.subarray(at, at + SLICE_BYTES);
      parser.write(slice);
      left -= slice.length;
    }
  }
  const graph = parser.finish();
  clock.add(performance.now() - pausedAt);
  await turn();
  return graph;
}
