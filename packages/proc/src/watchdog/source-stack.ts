import { printable } from '../dump/printable';
import { originalPosition } from '../source-maps/source-positions';
import type { StackFrame } from './blocked-loop';

/**
 * The stack in positions of the source, by the source maps of its files. It reads files, synchronously: not for the
 * time in which the main thread is paused, unless they have been read before.
 */
export function toSourceStack(stack: readonly StackFrame[]): StackFrame[] {
  return stack.map((frame) => {
    const { file, line, column } = originalPosition(frame.file, frame.line, frame.column);
    return { functionName: frame.functionName, file: printable(file), line, column };
  });
}
