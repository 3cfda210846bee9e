import type { ResourceSite } from './await-sites';
import type { CodePositions } from './code-positions';
import { type HeapGraph, NONE } from './heap-graph';
import { type FoundListener, readListeners } from './listeners';
import { isLastcallFile } from './own-files';
import type { ToSource } from './to-source';
import { readNumber } from './wait-tokens';

export interface ResourceSources {
  readonly graph: HeapGraph;
  readonly positions: CodePositions;
  readonly toSource: ToSource;
  /** The node of the value true. */
  readonly yes: number;
}

/** Nodes that may be resources, by what they have. */
export interface ResourceNodes {
  /** Have `_onTimeout`. */
  readonly timers: readonly number[];
  /** Have `_onImmediate`. */
  readonly immediates: readonly number[];
  /** Have `_handle` or a native one. */
  readonly handles: readonly number[];
}

type Site = Omit<ResourceSite, 'count'>;

/** At most so many are given, most first. */
const MAX_SITES = 200;
/** So many functions are named of each. */
const MAX_CALLBACKS = 20;

/**
 * Timers, sockets, servers, children and workers that are open, with the program's functions behind them; those with
 * the same functions are counted together. Timers and immediates of Node itself are left out.
 */
export function findResources(nodes: ResourceNodes, sources: ResourceSources): ResourceSite[] {
  const counted = new Map<string, { readonly site: Site; count: number }>();
  const add = (site: Site | undefined): void => {
    if (site === undefined) return;
    const key = JSON.stringify(site);
    const known = counted.get(key);
    if (known === undefined) counted.set(key, { site, count: 1 });
    else known.count++;
  };
  for (const node of nodes.timers) add(readTimer(node, sources));
  for (const node of nodes.immediates) add(readImmediate(node, sources));
  for (const node of nodes.handles) add(readHandle(node, sources));
  return [...counted.values()]
    .sort((a, b) => b.count - a.count)
    .slice(0, MAX_SITES)
    .map(({ site, count }) => ({ ...site, count }));
}

function readTimer(node: number, sources: ResourceSources): Site | undefined {
  const { graph, yes } = sources;
  const delayMs = readNumber(graph, graph.follow(node, '_idleTimeout'));
  if (delayMs === undefined || delayMs < 0 || graph.follow(node, '_destroyed') === yes) return;
  const callbacks = callbackOf(graph.follow(node, '_onTimeout'), sources);
  if (callbacks === undefined) return undefined;
  return {
    type: 'Timeout',
    isRefed: graph.follow(node, '<symbol refed>') === yes,
    delayMs,
    repeats: readNumber(graph, graph.follow(node, '_repeat')) !== undefined,
    callbacks,
  };
}

function readImmediate(node: number, sources: ResourceSources): Site | undefined {
  const { graph, yes } = sources;
  if (graph.follow(node, '_destroyed') === yes) return undefined;
  const callbacks = callbackOf(graph.follow(node, '_onImmediate'), sources);
  if (callbacks === undefined) return undefined;
  const isRefed = graph.follow(node, '<symbol refed>') === yes;
  return { type: 'Immediate', isRefed, delayMs: null, repeats: null, callbacks };
}

/** Something with listeners on a native handle: once that is closed, Node takes the handle away. */
function readHandle(node: number, sources: ResourceSources): Site | undefined {
  const { graph } = sources;
  const handle = [graph.follow(node, '_handle'), graph.follow(node, '<symbol kHandle>')].find(
    (each) => each !== NONE && isObject(graph, each),
  );
  if (handle === undefined || graph.follow(node, '_events') === NONE) return undefined;
  const callbacks = readListeners(node, graph)
    .flatMap((listener) => toCallback(listener, sources) ?? [])
    .slice(0, MAX_CALLBACKS);
  return { type: graph.name(node), isRefed: null, delayMs: null, repeats: null, callbacks };
}

function isObject(graph: HeapGraph, node: number): boolean {
  const type = graph.type(node);
  return type === 'object' || type === 'native';
}

function callbackOf(closure: number, sources: ResourceSources): Site['callbacks'] | undefined {
  if (closure === NONE || sources.graph.type(closure) !== 'closure') return undefined;
  const callback = toCallback({ event: null, closure }, sources);
  return callback === undefined ? undefined : [callback];
}

function toCallback(
  { event, closure }: Omit<FoundListener, 'event'> & { readonly event: string | null },
  { positions, toSource }: ResourceSources,
): Site['callbacks'][number] | undefined {
  const position = positions.ofFunction(closure);
  if (position === undefined || isLastcallFile(position.file)) return undefined;
  const source = toSource(position);
  return source && { ...source, event };
}
