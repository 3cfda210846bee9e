import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { getHeapSnapshot } from 'node:v8';
import type { HeapGraph } from './heap-graph';
import type { PauseClock } from './pause-clock';
import { SnapshotParser } from './snapshot-parser';

/** For how long the snapshot is read before the process gets its turn, in milliseconds. */
const SLICE_MS = 20;

/** The types of Node 20 do not know the options, which it has. */
const snapshot = getHeapSnapshot as (options: {
  readonly exposeNumericValues: boolean;
}) => ReturnType<typeof getHeapSnapshot>;

/** Takes a heap snapshot, at once, and reads it. */
export async function takeSnapshot(clock: PauseClock): Promise<HeapGraph> {
  const parser = new SnapshotParser();
  let sliceAt = performance.now();
  for await (const chunk of snapshot({ exposeNumericValues: true })) {
    parser.write(chunk as Buffer);
    if (performance.now() - sliceAt < SLICE_MS) continue;
    clock.add(performance.now() - sliceAt);
    await turn();
    sliceAt = performance.now();
  }
  const graph = parser.finish();
  clock.add(performance.now() - sliceAt);
  return graph;
}
