import type { StackFrame } from '@lastcall/proc';
import { printable } from '../printable';

/** The stack of a main thread, innermost first, as lines. */
export function formatStack(stack: readonly StackFrame[] | null): string[] {
  if (stack === null) return ['           it runs no JavaScript, or cannot be looked at'];
  return stack.map(
    ({ functionName, file, line, column }) =>
      `           at ${printable(functionName)} (${printable(file)}:${line}:${column})`,
  );
}
