interface CpuProfile {
  readonly nodes: readonly { readonly callFrame: { readonly functionName: string } }[];
  readonly samples: readonly number[];
  /** Microseconds. */
  readonly timeDeltas: readonly number[];
  readonly startTime: number;
  readonly endTime: number;
}

interface HeapNode {
  readonly callFrame: { readonly functionName: string };
  readonly children: readonly HeapNode[];
}

/** Keeps the thread busy for `ms`, and returns what it allocated on the way. */
export function burn(ms: number): string[][] {
  const held: string[][] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) if (held.length < 2e5) held.push([String(held.length)]);
  return held;
}

/** Names of the functions in a CPU or heap profile. */
export function frameNames(profile: object | null): string[] {
  if (profile === null) return [];
  if ('nodes' in profile) {
    return (profile as CpuProfile).nodes.map(({ callFrame }) => callFrame.functionName);
  }
  return namesBelow((profile as { head: HeapNode }).head);
}

function namesBelow(node: HeapNode): string[] {
  return [node.callFrame.functionName, ...node.children.flatMap(namesBelow)];
}

/** The samples of a CPU profile. */
export function samplesOf(profile: object | null): readonly number[] {
  return (profile as CpuProfile).samples;
}

/** How long a CPU profile lasted, in milliseconds. */
export function durationOf(profile: object | null): number {
  const { startTime, endTime } = profile as CpuProfile;
  return (endTime - startTime) / 1000;
}

/** The shortest time between two samples of a CPU profile, in milliseconds; not that from its start to the first. */
export function shortestGapOf(profile: object | null): number {
  return Math.min(...(profile as CpuProfile).timeDeltas.slice(2)) / 1000;
}
