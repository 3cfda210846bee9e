import { findSourceMap, SourceMap } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readSourceMap } from './read-source-map';

/** A position in a file; lines and columns count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

interface LoadedMap {
  readonly map: SourceMap;
  /** The path of a source, from what the map calls it. */
  readonly pathOf: (source: string) => string;
}

/** The map of a file, or undefined where it has none that can be used. */
const loaded = new Map<string, LoadedMap | undefined>();
/** Maps are large: beyond so many, the one that was read first is forgotten. */
const MAX_LOADED = 500;

/**
 * Where in the source a position of the code that runs comes from, by the file's source map.
 *
 * The map is the one that Node has loaded (`--enable-source-maps`), or what the `sourceMappingURL` at the end of the
 * file says: inline, or a file. A file is read once. Without a map, or with a broken one, the position is returned as
 * it is, and so is one that the map does not know. Reads files synchronously; never throws.
 *
 * @param file Path, or `file:` URL, of the code that runs.
 * @param line Counts from 1.
 * @param column Counts from 1.
 */
export function originalPosition(file: string, line: number, column: number): SourcePosition {
  const path = toPath(file);
  const unchanged = { file: withoutData(path), line, column };
  const found = load(path);
  if (found === undefined) return unchanged;
  const entry = found.map.findEntry(line - 1, column - 1);
  // Where a line is not in the map, the entry of one before it is returned.
  if (!('originalSource' in entry) || entry.generatedLine !== line - 1) return unchanged;
  if (!entry.originalSource) return unchanged;
  return {
    file: found.pathOf(entry.originalSource),
    line: entry.originalLine + 1,
    column: entry.originalColumn + 1,
  };
}

function load(path: string): LoadedMap | undefined {
  if (loaded.has(path)) return loaded.get(path);
  const map = find(path);
  if (loaded.size >= MAX_LOADED) loaded.delete(loaded.keys().next().value ?? '');
  loaded.set(path, map);
  return map;
}

function find(path: string): LoadedMap | undefined {
  if (path === '' || path.startsWith('node:')) return undefined;
  try {
    return fromNode(path) ?? fromFile(path);
  } catch {
    // Not there, not readable, or not a source map.
    return undefined;
  }
}

function fromNode(path: string): LoadedMap | undefined {
  const map = findSourceMap(path) ?? findSourceMap(pathToFileURL(path).href);
  return map && { map, pathOf: toPath };
}

function fromFile(path: string): LoadedMap | undefined {
  const found = readSourceMap(path);
  if (found === undefined) return undefined;
  const map = new SourceMap(found.json);
  const { sourceRoot = '' } = found.json;
  const base = resolve(found.folder, toPath(sourceRoot));
  return { map, pathOf: (source) => (isUrl(source) ? toPath(source) : resolve(base, source)) };
}

function isUrl(source: string): boolean {
  return /^[a-z][a-z\d+.-]+:/i.test(source);
}

/** How much of a `data:` URL is shown, which is all the code of a module. */
const SHOWN_DATA = 60;

function withoutData(file: string): string {
  const isLong = file.startsWith('data:') && file.length > SHOWN_DATA;
  return isLong ? `${file.slice(0, SHOWN_DATA)}…` : file;
}

/** The path of a `file:` URL; all else is left as it is. */
function toPath(file: string): string {
  if (!file.startsWith('file:')) return file;
  try {
    return fileURLToPath(file);
  } catch {
    return file;
  }
}
