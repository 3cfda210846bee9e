import { fileURLToPath } from 'node:url';
import { printable } from '../dump/printable';
import type { StackFrame } from './blocked-loop';

/** How many frames are kept, innermost first: enough to know a recursion when one sees it. */
const MAX_FRAMES = 64;

/** A frame as V8's debugger gives it; lines and columns from 0. */
export interface DebuggerFrame {
  readonly functionName: string;
  readonly location: {
    readonly scriptId: string;
    readonly lineNumber: number;
    readonly columnNumber?: number;
  };
}

/** A `.cpuprofile`, as far as it is read here. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** In microseconds, as the end. */
  readonly startTime: number;
  readonly endTime: number;
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
  readonly hitCount?: number;
  readonly children?: readonly number[];
  readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[];
}

/** The stack at a pause; `urls` knows the scripts by id. */
export function toStack(
  frames: readonly DebuggerFrame[],
  urls: ReadonlyMap<string, string>,
): StackFrame[] {
  return frames.slice(0, MAX_FRAMES).map(({ functionName, location }) => ({
    functionName: printable(functionName) || '(anonymous)',
    file: toFile(urls.get(location.scriptId) ?? ''),
    line: location.lineNumber + 1,
    column: (location.columnNumber ?? 0) + 1,
  }));
}

/** Whether all of it is Node's own code. */
export function isInternal(stack: readonly StackFrame[]): boolean {
  return stack.every(({ file }) => file.startsWith('node:'));
}

/** The path of calls in which most samples fell. */
export function hottestStack({ nodes }: CpuProfile): StackFrame[] {
  const parents = new Map<number, ProfileNode>();
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node);
  const [hottest] = nodes
    .filter(({ callFrame }) => callFrame.url !== '')
    .toSorted((a, b) => (b.hitCount ?? 0) - (a.hitCount ?? 0));
  const stack: StackFrame[] = [];
  for (let node = hottest; node !== undefined; node = parents.get(node.id)) {
    if (node.callFrame.url === '' || stack.length === MAX_FRAMES) continue;
    stack.push(toSampledFrame(node, node === hottest));
  }
  return stack;
}

function toSampledFrame(node: ProfileNode, isInnermost: boolean): StackFrame {
  const { functionName, url, lineNumber, columnNumber } = node.callFrame;
  const [tick] = (node.positionTicks ?? []).toSorted((a, b) => b.ticks - a.ticks);
  const isLineKnown = isInnermost && tick !== undefined;
  return {
    functionName: printable(functionName) || '(anonymous)',
    file: toFile(url),
    line: isLineKnown ? tick.line : lineNumber + 1,
    column: isLineKnown ? 1 : columnNumber + 1,
  };
}

function toFile(url: string): string {
  if (url === '') return '[evaluated]';
  if (!url.startsWith('file:')) return printable(url);
  try {
    return printable(fileURLToPath(url));
  } catch {
    return printable(url);
  }
}
