import { readFileSync, statSync } from 'node:fs';
import type { SourceMapPayload } from 'node:module';
import { dirname, resolve } from 'node:path';

/** A source map as it stands in the file, and what its relative paths count from. */
export interface FoundSourceMap {
  readonly json: SourceMapPayload;
  readonly folder: string;
}

/** Larger files are not read: what they could tell is not worth the wait. */
const MAX_BYTES = 64 << 20;
const MARK = /\/\/[#@] sourceMappingURL=(\S+)\s*$/;

/** The source map of the file at `path`: inline, or the file it names. Throws where a file or map cannot be read. */
export function readSourceMap(path: string): FoundSourceMap | undefined {
  const url = mappingUrl(readText(path));
  if (url === undefined) return undefined;
  if (url.startsWith('data:')) return { json: parse(decodeDataUrl(url)), folder: dirname(path) };
  if (/^[a-z][a-z\d+.-]+:/i.test(url)) return undefined;
  const mapPath = resolve(dirname(path), decodeURIComponent(url));
  return { json: parse(readText(mapPath)), folder: dirname(mapPath) };
}

/** The last one counts: bundles may hold those of their parts. */
function mappingUrl(code: string): string | undefined {
  const at = Math.max(
    code.lastIndexOf('//# sourceMappingURL='),
    code.lastIndexOf('//@ sourceMappingURL='),
  );
  return at < 0 ? undefined : MARK.exec(code.slice(at))?.[1];
}

function decodeDataUrl(url: string): string {
  const comma = url.indexOf(',');
  const data = url.slice(comma + 1);
  const isBase64 = url.slice(0, comma).endsWith(';base64');
  return isBase64 ? Buffer.from(data, 'base64').toString('utf8') : decodeURIComponent(data);
}

/** Some servers put `)]}'` before JSON, so that no page can run it as a script. */
function parse(text: string): SourceMapPayload {
  const json = JSON.parse(text.startsWith(')]}') ? text.slice(text.indexOf('\n') + 1) : text);
  if (!isSourceMap(json)) throw new Error('not a source map');
  return json;
}

/** Node takes what it is given: of `"sources": { "length": 1e9 }` it makes a list, which stops the process for 10 s. */
function isSourceMap(json: Partial<SourceMapPayload & { sections: unknown }> | null): boolean {
  if (Array.isArray(json?.sections))
    return json.sections.every(({ map }: { map?: object }) => isSourceMap(map ?? null));
  return Array.isArray(json?.sources) && typeof json.mappings === 'string';
}

function readText(path: string): string {
  const stats = statSync(path);
  if (!stats.isFile() || stats.size > MAX_BYTES) throw new Error(`${path} is not read`);
  return readFileSync(path, 'utf8');
}
