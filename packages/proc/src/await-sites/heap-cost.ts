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
const LIGHT_MS_PER_NODE = 0.0008;
const MEMORY_PER_NODE = 450;
/** What a small heap costs. */
const LEAST_PAUSE_MS = 150;
const LEAST_MEMORY = 60 << 20;
/** What the search needs on V8's heap. */
const HEAP_HEADROOM = 32 << 20;

let bytesPerNode = BYTES_PER_NODE;
let pauseMsPerNode = PAUSE_MS_PER_NODE;

/** Estimates from what V8 counts anyway. Large objects are few, whatever their size. */
export function estimateCost(): HeapCost {
  const nodes = Math.ceil(liveBytes() / bytesPerNode);
  return {
    nodes,
    pauseMs: Math.ceil(LEAST_PAUSE_MS + nodes * pauseMsPerNode),
    bytes: LEAST_MEMORY + nodes * MEMORY_PER_NODE,
  };
}

/** How long a search without a snapshot stops the process: for one garbage collection, and one walk. */
export function estimateLightPauseMs(): number {
  return Math.ceil(LEAST_PAUSE_MS / 2 + (liveBytes() / bytesPerNode) * LIGHT_MS_PER_NODE);
}

/** Makes the next estimate better by what a search has really cost. */
export function learnCost(real: {
  readonly nodes: number;
  readonly liveBytes: number;
  readonly pauseMs: number;
}): void {
  const { nodes, pauseMs } = real;
  if (nodes <= 0) return;
  bytesPerNode = clamp(real.liveBytes / nodes, 20, 200);
  pauseMsPerNode = clamp((pauseMs - LEAST_PAUSE_MS) / nodes, 0.0005, 0.01);
}

/** Why a search must not be done now, or undefined. */
export function refusal(cost: HeapCost, maxPauseMs: number): string | undefined {
  if (cost.pauseMs > maxPauseMs) {
    return `it would stop the process for about ${cost.pauseMs} ms (some ${cost.nodes} objects in the heap), and ${maxPauseMs} ms are allowed`;
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
