import { freemem } from 'node:os';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { memoryUsage } from '../diagnostics/memory-usage';

/** What a search will cost, before it is begun. */
export interface HeapCost {
  readonly nodes: number;
  readonly pauseMs: number;
  /** Memory outside of V8's heap. */
  readonly bytes: number;
}

/** Measured on Node 20 to 26, and learned anew with every search. */
const BYTES_PER_NODE = 45;
const PAUSE_MS_PER_NODE = 0.004;
/** Of a suspended function its promise, its awaiters and its place are looked for. */
const PAUSE_MS_PER_PROMISE = 0.01;
const LIGHT_MS_PER_NODE = 0.0008;
const MEMORY_PER_NODE = 450;
/** What a small heap costs. */
const LEAST_PAUSE_MS = 100;
const LEAST_MEMORY = 60 << 20;
/** What the search needs on V8's heap. */
const HEAP_HEADROOM = 32 << 20;

let bytesPerNode = BYTES_PER_NODE;
let pauseMsPerNode = PAUSE_MS_PER_NODE;

/** What is known of a process when the cost of a search is estimated. */
export interface CostFacts {
  /** How many promises there are. */
  readonly promises: number;
  /** How many times longer everything takes because others want the core, too. */
  readonly slowdown: number;
}

const NOTHING_KNOWN: CostFacts = { promises: 0, slowdown: 1 };

/** Estimates from what V8 counts anyway. Large objects are few, whatever their size. */
export function estimateCost({ promises, slowdown }: CostFacts = NOTHING_KNOWN): HeapCost {
  const nodes = Math.ceil(liveBytes() / bytesPerNode);
  const alone = LEAST_PAUSE_MS + nodes * pauseMsPerNode + promises * PAUSE_MS_PER_PROMISE;
  return {
    nodes,
    pauseMs: Math.ceil(alone * slowdown),
    bytes: LEAST_MEMORY + nodes * MEMORY_PER_NODE,
  };
}

/** How long a search without a snapshot stops the process: for one garbage collection, and one walk. */
export function estimateLightPauseMs(): number {
  return Math.ceil(LEAST_PAUSE_MS / 2 + (liveBytes() / bytesPerNode) * LIGHT_MS_PER_NODE);
}

/** Makes the next estimate better by what a search has really cost, without what a shared core has added. */
export function learnCost(
  real: CostFacts & {
    readonly nodes: number;
    readonly liveBytes: number;
    readonly pauseMs: number;
  },
): void {
  const { nodes, pauseMs, promises, slowdown } = real;
  if (nodes <= 0) return;
  bytesPerNode = clamp(real.liveBytes / nodes, 20, 200);
  const ofNodesMs = pauseMs / slowdown - LEAST_PAUSE_MS - promises * PAUSE_MS_PER_PROMISE;
  pauseMsPerNode = clamp(ofNodesMs / nodes, 0.0005, 0.01);
}

/** Why a search must not be done now, or undefined. */
export function refusal(cost: HeapCost, maxPauseMs: number, slowdown = 1): string | undefined {
  if (cost.pauseMs > maxPauseMs) {
    return `it would stop the process for about ${cost.pauseMs} ms (some ${cost.nodes} objects in the heap${shared(slowdown)}), and ${Math.round(maxPauseMs)} ms are allowed`;
  }
  const free = freeBytes();
  if (free === undefined) {
    return `it would need about ${toMb(cost.bytes)} MB of memory, and how much is free cannot be found out, as where no file descriptor is left`;
  }
  if (cost.bytes > free) {
    return `it would need about ${toMb(cost.bytes)} MB of memory, and ${toMb(free)} MB are free`;
  }
  const { heap_size_limit, used_heap_size } = getHeapStatistics();
  const left = heap_size_limit - used_heap_size;
  if (left < HEAP_HEADROOM) {
    return `V8's heap has ${toMb(left)} MB left to its limit, and ${toMb(HEAP_HEADROOM)} MB are needed`;
  }
  return undefined;
}

function shared(slowdown: number): string {
  if (slowdown < SHARED) return '';
  return `, on a core that others want, too: ${slowdown.toFixed(1)} times as long`;
}

/** From which on a shared core is worth a word. */
const SHARED = 1.2;

/** How large the heap is, but for large objects: garbage counts until it is collected. */
export function liveBytes(): number {
  return getHeapSpaceStatistics()
    .filter(({ space_name: name }) => !/large_object|read_only|code/.test(name))
    .reduce((sum, { space_used_size: used }) => sum + used, 0);
}

/** What the process may still take: of the machine, and of its container. Undefined where the system cannot be asked. */
function freeBytes(): number | undefined {
  const { availableMemory } = process as { availableMemory?: () => number };
  const available = availableMemory?.call(process) ?? freemem();
  const limit = process.constrainedMemory?.() ?? 0;
  // Node reads both from files. A container over its limit has a limit.
  if (available === 0 && limit === 0) return undefined;
  if (limit === 0 || limit > UNLIMITED) return available;
  return Math.min(available, limit - memoryUsage().rss);
}

/** Linux reports a limit far beyond any memory where there is none. */
const UNLIMITED = 2 ** 60;

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

function toMb(bytes: number): number {
  return Math.round(bytes / (1 << 20));
}
