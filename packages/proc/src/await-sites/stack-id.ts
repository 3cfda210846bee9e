import type { CodePosition } from './await-sites';

/** Stacks with the same key are one: the same functions, each in the same line. */
export function stackKey(frames: readonly CodePosition[]): string {
  return frames
    .map(({ functionName, file, line }) => `${functionName}\t${file}\t${line}`)
    .join('\n');
}

/** A short name for a stack, the same in every process that runs the same code. */
export function stackId(key: string): string {
  // Part of Node's binary, so not of what has to be loaded ahead.
  const { createHash } = require('node:crypto') as typeof import('node:crypto');
  return createHash('sha256').update(key).digest('hex').slice(0, 12);
}
