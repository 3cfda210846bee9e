// For tools that show positions of compiled code: where they are in the source.

export { originalPosition, type SourcePosition } from './source-positions';
