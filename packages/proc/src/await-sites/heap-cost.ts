import { freemem } from 'node:os';
import { getHeapSpaceStatistics } from 'node:v8';
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
/**
 * Large arrays, and the tables of large maps, are one object each, and an edge of the snapshot for every pointer in them. Large
 * texts and numbers have none; V8 does not tell them apart, so half of it is taken for pointers until a search has told.
 */
const POINTER_BYTES = 8;
const POINTERS_PER_LARGE_BYTE = 0.5 / POINTER_BYTES;
const PAUSE_MS_PER_POINTER = 0.0008;
const MEMORY_PER_POINTER = 110;
/** Of a suspended function its promise, its awaiters and its place are looked for. */
const PAUSE_MS_PER_PROMISE = 0.01;
const LIGHT_MS_PER_NODE = 0.0008;
const MEMORY_PER_NODE = 450;
/** What a small heap costs. */
const LEAST_PAUSE_MS = 100;
const LEAST_MEMORY = 60 << 20;

let bytesPerNode = BYTES_PER_NODE;
let pauseMsPerNode = PAUSE_MS_PER_NODE;
let pointersPerLargeByte = POINTERS_PER_LARGE_BYTE;

/** What is known of a process when the cost of a search is estimated. */
export interface CostFacts {
  /** How many promises there are. */
  readonly promises: number;
  /** How many times longer everything takes because others want the core, too. */
  readonly slowdown: number;
}

const NOTHING_KNOWN: CostFacts = { promises: 0, slowdown: 1 };

/** Estimates from what V8 counts anyway. */
export function estimateCost({ promises, slowdown }: CostFacts = NOTHING_KNOWN): HeapCost {
  const nodes = Math.ceil(liveBytes() / bytesPerNode);
  const pointers = Math.ceil(largeBytes() * pointersPerLargeByte);
  const alone =
    LEAST_PAUSE_MS +
    nodes * pauseMsPerNode +
    pointers * PAUSE_MS_PER_POINTER +
    promises * PAUSE_MS_PER_PROMISE;
  return {
    nodes,
    pauseMs: Math.ceil(alone * slowdown),
    bytes: LEAST_MEMORY + nodes * MEMORY_PER_NODE + pointers * MEMORY_PER_POINTER,
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
    /** Pointers in large objects. */
    readonly pointers: number;
    readonly liveBytes: number;
    readonly largeBytes: number;
    readonly pauseMs: number;
  },
): void {
  const { nodes, pointers, pauseMs, promises, slowdown } = real;
  if (nodes <= 0) return;
  bytesPerNode = clamp(real.liveBytes / nodes, 20, 200);
  if (real.largeBytes > LEAST_LARGE_BYTES)
    pointersPerLargeByte = clamp(pointers / real.largeBytes, 0, 1 / POINTER_BYTES);
  const ofOthersMs = pointers * PAUSE_MS_PER_POINTER + promises * PAUSE_MS_PER_PROMISE;
  const ofNodesMs = pauseMs / slowdown - LEAST_PAUSE_MS - ofOthersMs;
  pauseMsPerNode = clamp(ofNodesMs / nodes, 0.0005, 0.01);
}

/** Why a search must not be done now, or undefined. */
export function refusal(cost: HeapCost, maxPauseMs: number, slowdown = 1): string | undefined {
  if (cost.pauseMs > maxPauseMs) {
    return `it would stop the process for about ${cost.pauseMs} ms (some ${cost.nodes} objects in the heap${large()}${shared(slowdown)}), and ${Math.round(maxPauseMs)} ms are allowed`;
  }
  const free = freeBytes();
  if (free === undefined) {
    return `it would need about ${toMb(cost.bytes)} MB of memory, and how much is free cannot be found out, as where no file descriptor is left`;
  }
  if (cost.bytes > free) {
    return `it would need about ${toMb(cost.bytes)} MB of memory, and ${toMb(free)} MB are free`;
  }
  return undefined;
}

/** How many bytes of large objects are worth a word, and tell what such objects hold. */
const LEAST_LARGE_BYTES = 8 << 20;

function large(): string {
  const bytes = largeBytes();
  return bytes < LEAST_LARGE_BYTES ? '' : `, and ${toMb(bytes)} MB of large arrays, maps or texts`;
}

function shared(slowdown: number): string {
  if (slowdown < SHARED) return '';
  return `, on a core that others want, too: ${slowdown.toFixed(1)} times as long`;
}

/** From which on a shared core is worth a word. */
const SHARED = 1.2;

/** How large the heap is, but for large objects: garbage counts until it is collected. */
export function liveBytes(): number {
  return usedBytes((space) => !/large_object|read_only|code/.test(space));
}

/** How large its large objects are, but for code. */
export function largeBytes(): number {
  return usedBytes((space) => /large_object/.test(space) && !space.includes('code'));
}

function usedBytes(isMeant: (space: string) => boolean): number {
  return getHeapSpaceStatistics()
    .filter(({ space_name: name }) => isMeant(name))
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
