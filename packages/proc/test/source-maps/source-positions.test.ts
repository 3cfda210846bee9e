import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { originalPosition } from '../../src/source-maps/source-positions';

/** Line 1 of the code is line 3 of the source, column for column 2; line 2 is in no source. */
const MAPPINGS = 'AAEE';

function map(fields: object = {}): string {
  return JSON.stringify({
    version: 3,
    sources: ['../src/web.ts'],
    names: [],
    mappings: MAPPINGS,
    ...fields,
  });
}

/** Writes files into a folder of their own, and returns the path of the first. */
function write(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'lastcall-maps-'));
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return join(folder, Object.keys(files)[0] ?? '');
}

const code = (url: string): string => `first();\nsecond();\n//# sourceMappingURL=${url}\n`;
const inline = (json: string): string =>
  code(`data:application/json;base64,${Buffer.from(json).toString('base64')}`);
const sourceOf = (path: string, source = '../src/web.ts'): string => join(dirname(path), source);

describe('originalPosition()', () => {
  it('reads the map next to the file', () => {
    const path = write({ 'dist/web.js': code('web.js.map'), 'dist/web.js.map': map() });
    const expected = { file: sourceOf(path), line: 3, column: 3 };
    expect(originalPosition(path, 1, 1)).toEqual(expected);
    expect(originalPosition(pathToFileURL(path).href, 1, 1)).toEqual(expected);
  });

  it('reads a map in the file itself, in both encodings', () => {
    const base64 = write({ 'web.js': inline(map()) });
    expect(originalPosition(base64, 1, 1).file).toBe(sourceOf(base64));
    const percent = write({
      'web.js': code(`data:application/json,${encodeURIComponent(map())}`),
    });
    expect(originalPosition(percent, 1, 1).file).toBe(sourceOf(percent));
  });

  it('resolves sources from the map, sourceRoot and URLs', () => {
    const root = write({ 'web.js': inline(map({ sourceRoot: 'lib', sources: ['web.ts'] })) });
    expect(originalPosition(root, 1, 1).file).toBe(sourceOf(root, 'lib/web.ts'));
    const url = write({ 'web.js': inline(map({ sources: ['file:///app/web.ts'] })) });
    expect(originalPosition(url, 1, 1).file).toBe('/app/web.ts');
    const bundler = write({ 'web.js': inline(map({ sources: ['webpack://app/web.ts'] })) });
    expect(originalPosition(bundler, 1, 1).file).toBe('webpack://app/web.ts');
    const apart = write({ 'web.js': code('maps/web.js.map'), 'maps/web.js.map': map() });
    expect(originalPosition(apart, 1, 1).file).toBe(sourceOf(apart, 'src/web.ts'));
  });

  it('reads the last map that is named, and one behind a guard', () => {
    const path = write({
      'web.js': `${inline('{}')}${code('web.js.map')}`,
      'web.js.map': `)]}'\n${map()}`,
    });
    expect(originalPosition(path, 1, 1).line).toBe(3);
  });

  it.each<[string, Record<string, string>]>([
    ['there is no file', {}],
    ['there is no map', { 'web.js': 'first();\n' }],
    ['the map is missing', { 'web.js': code('web.js.map') }],
    ['the map is not JSON', { 'web.js': code('web.js.map'), 'web.js.map': '<html>' }],
    ['the map is not a map', { 'web.js': inline('[1, 2]') }],
    ['the map is null', { 'web.js': inline('null') }],
    ['the mappings are broken', { 'web.js': inline(map({ mappings: 7 })) }],
    // Node would make lists of these: of the first one of a single letter each, of the second one for 10 s.
    ['the sources are a text', { 'web.js': inline(map({ sources: 'abc' })) }],
    ['the sources are no list', { 'web.js': inline(map({ sources: { length: 1e9 } })) }],
    ['the map is elsewhere', { 'web.js': code('https://maps.example/web.js.map') }],
    ['the map is a folder', { 'web.js': code('maps'), 'maps/a': '' }],
    ['the URL is broken', { 'web.js': code('%E0%A4%A') }],
  ])('returns the position as it is where %s', (_, files) => {
    const path = Object.keys(files).length === 0 ? '/nowhere/web.js' : write(files);
    expect(originalPosition(path, 1, 1)).toEqual({ file: path, line: 1, column: 1 });
  });

  it('returns positions as they are that the map does not know', () => {
    const path = write({ 'web.js': inline(map()) });
    expect(originalPosition(path, 2, 1)).toEqual({ file: path, line: 2, column: 1 });
    expect(originalPosition('node:net', 5, 1)).toEqual({ file: 'node:net', line: 5, column: 1 });
    expect(originalPosition('', 5, 1)).toEqual({ file: '', line: 5, column: 1 });
  });

  it('shows the beginning of a data: URL, which is the code of a whole module', () => {
    const url = `data:text/javascript,${'x'.repeat(10_000)}`;
    const { file } = originalPosition(url, 1, 1);
    expect(file).toBe(`data:text/javascript,${'x'.repeat(39)}…`);
  });

  it('reads each file once', () => {
    const path = write({ 'web.js': inline(map()) });
    expect(originalPosition(path, 1, 1).line).toBe(3);
    writeFileSync(path, 'changed();\n');
    expect(originalPosition(path, 1, 1).line).toBe(3);
  });
});
