import { formatDuration } from '../dump/format-units';
import type { BlockedLoop, StackFrame } from './blocked-loop';

/** How many calls one line shows. */
const SHOWN_CALLS = 4;

/** One line: `event loop blocked for 1.2 s so far by hash (/app/pw.js:9:3) < login (/app/auth.js:33:5)`. */
export function formatBlockLine(block: BlockedLoop): string {
  const own = block.stack.filter(({ file }) => !file.startsWith('node:'));
  const shown = (own.length > 0 ? own : block.stack).slice(0, SHOWN_CALLS).map(formatFrame);
  const where =
    shown.length === 0 ? `, ${unknownPlace(block)}` : ` ${howSeen(block)} ${shown.join(' < ')}`;
  const soFar = block.isOver ? '' : ' so far';
  return `event loop blocked for ${formatDuration(block.blockedMs)}${soFar}${where}`;
}

/** After a call of native code the main thread is seen only where it goes on. */
export function howSeen({ stackPrecision }: Pick<BlockedLoop, 'stackPrecision'>): string {
  return stackPrecision === 'late' ? 'in native code, just before' : 'by';
}

/** The whole block as text. `endsProcess`: why the watchdog ends the process, if it does. */
export function formatBlock(block: BlockedLoop, endsProcess: string | null): string {
  const since = new Date(block.at).toISOString();
  const title = block.isOver ? 'was blocked' : 'has been blocked';
  return [
    `The event loop of process ${process.pid} ${title} for ${formatDuration(block.blockedMs)} since ${since} (${block.phase}).`,
    ...(endsProcess === null ? [] : [`The process is ended: ${endsProcess}.`]),
    '',
    ...stackLines(block),
    ...nativeNote(block),
    '',
  ].join('\n');
}

function stackLines(block: BlockedLoop): string[] {
  if (block.stack.length === 0) return [`Where: ${unknownPlace(block)}.`];
  return [`Main thread, innermost call first${precision(block)}:`, ...block.stack.map(indented)];
}

/** Who looks for the profile of such a block is told why there is none. */
function nativeNote({ nativeState, stackPrecision }: BlockedLoop): string[] {
  if (nativeState === null && stackPrecision !== 'late') return [];
  return [
    'Native code cannot be profiled: a .cpuprofile, if there is one, is of what ran after it.',
  ];
}

function precision({ stackPrecision }: BlockedLoop): string {
  if (stackPrecision === 'late') return ' (after native code; what blocked has just returned)';
  if (stackPrecision === 'sampled')
    return ' (hottest path of the profile; a debugger may be attached)';
  return '';
}

function unknownPlace({ nativeState }: BlockedLoop): string {
  if (nativeState === 'computing') return 'in native code that computes';
  if (nativeState === 'waiting')
    return 'in native code that waits for a file, a child process or a lock';
  return 'at a place that could not be seen';
}

function indented(frame: StackFrame): string {
  return `    ${formatFrame(frame)}`;
}

function formatFrame({ functionName, file, line, column }: StackFrame): string {
  return `${functionName} (${file}:${line}:${column})`;
}
