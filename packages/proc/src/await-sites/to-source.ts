import { originalPosition } from '../source-maps/source-positions';
import type { CodePosition } from './await-sites';
import { isNodeInternal } from './code-positions';

/** Turns a position in the code that runs into one in the source; undefined for Node's own code. */
export type ToSource = (position: CodePosition) => CodePosition | undefined;

/** A {@link ToSource} that looks each position up once. */
export function createToSource(): ToSource {
  const known = new Map<string, CodePosition>();
  return (position) => {
    const { functionName, file, line, column } = position;
    if (isNodeInternal(file)) return undefined;
    const key = `${functionName}\t${file}\t${line}\t${column}`;
    let source = known.get(key);
    if (source === undefined) {
      const original = originalPosition(file, line, column ?? 1);
      source = {
        functionName: functionName === '' ? '(anonymous)' : functionName,
        file: original.file,
        line: original.line,
        column: column === null ? null : original.column,
      };
      known.set(key, source);
    }
    return source;
  };
}
