import type { CodePosition, ListenerSite } from './await-sites';
import type { CodePositions } from './code-positions';
import type { HeapGraph } from './heap-graph';
import { emitterName, readListeners } from './listeners';
import type { ToSource } from './to-source';

export interface ListenerSources {
  readonly graph: HeapGraph;
  readonly positions: CodePositions;
  readonly toSource: ToSource;
}

/** Node warns of a leak when an event has more listeners than that. */
const NORMAL = 10;
const MAX_SITES = 100;

/** Places in the program that have added more than 10 listeners for one event to one emitter, most first. */
export function findManyListeners(
  emitters: readonly number[],
  sources: ListenerSources,
): ListenerSite[] {
  const found = new Map<string, ListenerSite>();
  for (const emitter of emitters) {
    for (const site of manyOf(emitter, sources)) {
      const key = `${site.emitter}\t${site.event}\t${site.file}\t${site.line}\t${site.column}`;
      const known = found.get(key);
      if (known === undefined || known.count < site.count) found.set(key, site);
    }
  }
  return [...found.values()].sort((a, b) => b.count - a.count).slice(0, MAX_SITES);
}

function manyOf(emitter: number, sources: ListenerSources): ListenerSite[] {
  const { graph, positions, toSource } = sources;
  const listeners = readListeners(emitter, graph);
  if (listeners.length <= NORMAL) return [];
  const counts = new Map<string, { event: string; source: CodePosition; count: number }>();
  for (const { event, closure } of listeners) {
    const position = positions.ofFunction(closure);
    const source = position && toSource(position);
    if (source === undefined) continue;
    const key = `${event}\t${source.file}\t${source.line}\t${source.column}`;
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { event, source, count: 1 });
    else known.count++;
  }
  return [...counts.values()]
    .filter(({ count }) => count > NORMAL)
    .map(({ event, source, count }) => ({
      ...source,
      emitter: emitterName(emitter, graph),
      event,
      count,
    }));
}
