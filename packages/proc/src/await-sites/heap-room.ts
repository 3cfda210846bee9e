import { getHeapStatistics } from 'node:v8';
import { resourceLimits } from 'node:worker_threads';

/** What a search needs on V8's heap. */
const NEEDED_BYTES = 32 << 20;

const MIB = 1 << 20;

/** `--max-old-space-size=512`, in either spelling of V8. */
const LIMIT_FLAG = /--max[-_]old[-_]space[-_]size=(\d+)/g;

/** Of a limit that it has chosen itself, V8 keeps less than that for young objects. */
const YOUNG_SHARE = 0.05;

/**
 * Why a search must not be done, however much it is wanted, or undefined: V8 ends a process whose heap is full. To be asked
 * when garbage has just been collected.
 */
export function lackOfHeapRoom(): string | undefined {
  const left = Math.max(0, oldObjectsLimit() - getHeapStatistics().used_heap_size);
  if (left >= NEEDED_BYTES) return undefined;
  return `V8's heap has ${toMb(left)} MB left to its limit, and ${toMb(NEEDED_BYTES)} MB are needed`;
}

/**
 * How much all objects but young ones may take. What V8 tells has room for the young ones in it, which nothing else can
 * use: 48 MB on Node 22, 192 MB on Node 24.
 */
function oldObjectsLimit(): number {
  const { heap_size_limit: limit } = getHeapStatistics();
  const flags = [process.env.NODE_OPTIONS ?? '', ...process.execArgv].join(' ');
  const given = [...flags.matchAll(LIMIT_FLAG)].at(-1)?.[1];
  const { maxOldGenerationSizeMb: ofThread } = resourceLimits;
  return Math.min(limit * (1 - YOUNG_SHARE), toBytes(given), toBytes(ofThread));
}

/** 0 stands for no limit. */
function toBytes(mb: string | number | undefined): number {
  return Number(mb ?? 0) * MIB || Number.POSITIVE_INFINITY;
}

function toMb(bytes: number): number {
  return Math.round(bytes / MIB);
}
