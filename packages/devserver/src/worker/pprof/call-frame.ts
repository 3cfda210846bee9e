import { toPath } from '../main-stack';
import type { Place } from './profile-builder';

/** A call as V8's profilers name it: lines and columns from 0, -1 where there is no source. */
export interface CallFrame {
  readonly functionName: string;
  readonly scriptId: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** The place of a call; `line` where the call is known better than by its function's begin. */
export function toPlace(frame: CallFrame, line?: number): Place {
  const startLine = Math.max(0, frame.lineNumber + 1);
  const unnamed = startLine > 0 ? `(anonymous:${startLine})` : '(anonymous)';
  return {
    functionName: frame.functionName || unnamed,
    file: toPath(frame.url),
    line: line ?? startLine,
    startLine,
  };
}

/** The root that V8 puts above all stacks. */
export function isRoot(frame: CallFrame): boolean {
  return frame.functionName === '(root)';
}
