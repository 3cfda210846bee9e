import { type CallFrame, isRoot, toPlace } from './call-frame';
import { type Place, ProfileBuilder } from './profile-builder';

/** A call of a CPU profile, with the calls below it. */
export interface CpuNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
  /** How many samples fell on which line of it. */
  readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[];
}

/** What V8's CPU profiler gives (`.cpuprofile`). Times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly CpuNode[];
  readonly startTime: number;
  readonly endTime: number;
  /** Ids of nodes. */
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

interface Time {
  samples: number;
  microseconds: number;
}

/**
 * Writes a CPU profile as pprof: samples, wall time and CPU time per stack.
 *
 * V8 samples by the clock. What is not idle counts as CPU time, so synchronous waits do too; idle time is left out.
 */
export function cpuToPprof(profile: CpuProfile, startedAt: number): Uint8Array {
  const builder = new ProfileBuilder();
  const stacks = stacksOf(profile.nodes);
  for (const [node, time] of timePerNode(profile)) {
    if (isRoot(node.callFrame) || node.callFrame.functionName === '(idle)') continue;
    addNode(builder, node, stacks(node), time);
  }
  const durationUs = profile.endTime - profile.startTime;
  const count = Math.max(1, profile.samples?.length ?? 0);
  return builder.encode({
    sampleTypes: [
      ['samples', 'count'],
      ['wall', 'nanoseconds'],
      ['cpu', 'nanoseconds'],
    ],
    shownFirst: 'cpu',
    periodType: ['cpu', 'nanoseconds'],
    period: Math.round((durationUs / count) * 1000),
    startedAt,
    durationMs: durationUs / 1000,
  });
}

/** One sample per line of the function where time was spent; its share follows from the ticks. */
function addNode(
  builder: ProfileBuilder,
  node: CpuNode,
  callers: readonly Place[],
  time: Time,
): void {
  const ticks = node.positionTicks ?? [];
  const total = ticks.reduce((sum, tick) => sum + tick.ticks, 0);
  if (total === 0) {
    builder.add([toPlace(node.callFrame), ...callers], valuesOf(time, 1));
    return;
  }
  for (const { line, ticks: share } of ticks)
    builder.add([toPlace(node.callFrame, line), ...callers], valuesOf(time, share / total));
}

function valuesOf({ samples, microseconds }: Time, share: number): number[] {
  const nanoseconds = microseconds * 1000 * share;
  return [samples * share, nanoseconds, nanoseconds];
}

/** A function that gives the callers of a node, innermost first. */
function stacksOf(nodes: readonly CpuNode[]): (node: CpuNode) => readonly Place[] {
  const parents = new Map<number, CpuNode>();
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node);
  return (node) => {
    const stack: Place[] = [];
    for (let up = parents.get(node.id); up !== undefined; up = parents.get(up.id))
      if (!isRoot(up.callFrame)) stack.push(toPlace(up.callFrame));
    return stack;
  };
}

/** Sample i was taken at the sum of the deltas up to i, and stands for the time until the next. */
function timePerNode({
  nodes,
  samples = [],
  timeDeltas = [],
  startTime,
  endTime,
}: CpuProfile): Map<CpuNode, Time> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const times = new Map<CpuNode, Time>();
  let at = startTime;
  samples.forEach((id, index) => {
    at += timeDeltas[index] ?? 0;
    const next = index + 1 < samples.length ? at + (timeDeltas[index + 1] ?? 0) : endTime;
    const node = byId.get(id);
    if (node === undefined) return;
    const time = times.get(node) ?? { samples: 0, microseconds: 0 };
    time.samples += 1;
    // V8 may record samples out of order.
    time.microseconds += Math.max(0, next - at);
    times.set(node, time);
  });
  return times;
}
