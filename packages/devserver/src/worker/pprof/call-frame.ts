import { originalPosition } from '@lastcall/proc/source-maps';
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
  if (frame.lineNumber < 0) {
    const functionName = frame.functionName || '(anonymous)';
    return { functionName, file: toPath(frame.url), line: line ?? 0, startLine: 0 };
  }
  const path = toPath(frame.url);
  const begin = originalPosition(path, frame.lineNumber + 1, frame.columnNumber + 1);
  const at = line === undefined ? begin : originalPosition(path, line, 1);
  return {
    functionName: frame.functionName || `(anonymous:${begin.line})`,
    file: begin.file,
    // A line of another file (inlined by a bundler) means nothing under this one's name.
    line: at.file === begin.file ? at.line : begin.line,
    startLine: begin.line,
  };
}

/** The root that V8 puts above all stacks. */
export function isRoot(frame: CallFrame): boolean {
  return frame.functionName === '(root)';
}
