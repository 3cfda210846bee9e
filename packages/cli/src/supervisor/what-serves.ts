import type { ServingWorker } from '@lastcall/restart/control';
import type { Slot } from './slot';

/** The workers that serve now. */
export function servingOf(slots: readonly Slot[]): readonly ServingWorker[] {
  return slots.flatMap(({ index, worker, generation }) =>
    worker?.state === 'serving' ? [{ slot: index, pid: worker.pid, generation }] : [],
  );
}

/**
 * Which generation serves in which place, for whoever has to know after an upgrade that failed: `generation 1 serves on`, or
 * `worker 0 serves generation 2, worker 1 generation 1`.
 *
 * @returns null where nobody serves
 */
export function describeServing(slots: readonly Slot[]): string | null {
  const used = slots.filter(({ generation }) => generation > 0);
  const serving = servingOf(used);
  const byGeneration = new Map<number, number[]>();
  for (const { generation, slot } of serving)
    byGeneration.set(generation, [...(byGeneration.get(generation) ?? []), slot]);
  const [newest, ...older] = [...byGeneration].sort(([a], [b]) => b - a);
  if (newest === undefined) return null;
  const [generation, indexes] = newest;
  if (indexes.length === used.length) return `generation ${generation} serves on`;
  const idle = used.filter((slot) => serving.every((worker) => worker.slot !== slot.index));
  return [
    `${workers(indexes)} ${oneOr(indexes, 'serves', 'serve')} generation ${generation}`,
    ...older.map(([old, these]) => `${workers(these)} generation ${old}`),
    ...(idle.length === 0
      ? []
      : [`${workers(idle.map(({ index }) => index))} ${oneOr(idle, 'does', 'do')} not serve`]),
  ].join(', ');
}

/** `worker 3`, `workers 0-2 and 5`. */
function workers(indexes: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const index of indexes) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === index - 1) last[1] = index;
    else ranges.push([index, index]);
  }
  const texts = ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`));
  return `${oneOr(indexes, 'worker', 'workers')} ${texts.join(' and ')}`;
}

function oneOr(of: readonly unknown[], one: string, several: string): string {
  return of.length === 1 ? one : several;
}
