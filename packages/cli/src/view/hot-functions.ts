import type { CpuNode, CpuProfile, HeapNode, HeapProfile } from './document';

/** A function, and its share of what was measured. */
export interface HotFunction {
  readonly functionName: string;
  /** `file:line`, or empty for what V8 does itself. */
  readonly position: string;
  /** Microseconds, or bytes: of the function itself. */
  readonly self: number;
}

/** What a profile says, function by function, most first. */
export interface HotList {
  /** Of all functions. */
  readonly total: number;
  readonly functions: readonly HotFunction[];
}

/** Where CPU time went. Idle time is left out. */
export function hotOfCpu({ nodes, samples = [], timeDeltas = [] }: CpuProfile): HotList {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const sums = new Map<string, HotFunction>();
  samples.forEach((id, index) => {
    const node = byId.get(id);
    if (node === undefined || node.callFrame.functionName === '(idle)') return;
    // A delta is the time before its sample: what follows it is what the sample stands for.
    addTo(sums, node.callFrame, Math.max(0, timeDeltas[index + 1] ?? 0));
  });
  return toList(sums);
}

/** Who allocated the memory in use. */
export function hotOfHeap({ head }: HeapProfile): HotList {
  const sums = new Map<string, HotFunction>();
  const open: HeapNode[] = [head];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.selfSize > 0) addTo(sums, node.callFrame, node.selfSize);
    for (const child of node.children) open.push(child);
  }
  return toList(sums);
}

function addTo(
  sums: Map<string, HotFunction>,
  { functionName, url, lineNumber }: CpuNode['callFrame'],
  self: number,
): void {
  const position = url === '' ? '' : `${url.replace(/^file:\/\//, '')}:${lineNumber + 1}`;
  const key = `${functionName} ${position}`;
  const name = functionName === '' ? '(anonymous)' : functionName;
  sums.set(key, { functionName: name, position, self: (sums.get(key)?.self ?? 0) + self });
}

function toList(sums: Map<string, HotFunction>): HotList {
  const functions = [...sums.values()].filter(({ self }) => self > 0);
  functions.sort((a, b) => b.self - a.self);
  return { total: functions.reduce((sum, { self }) => sum + self, 0), functions };
}
