import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const packageFolder = join(__dirname, '..');
const dist = join(packageFolder, 'dist');

/** What a bundler makes of the package and of `app`: one file, in which no part has a `__filename` of its own. */
function bundle(file: string, app: string): string {
  const names = readdirSync(dist, { recursive: true, encoding: 'utf8' });
  const parts = names
    .filter((name) => name.endsWith('.js'))
    .map((name) => {
      const code = readFileSync(join(dist, name), 'utf8');
      return `${JSON.stringify(join(dist, name))}: function (exports, require, module) {${code}\n}`;
    });
  const isModule = file.endsWith('.mjs');
  const path = join(mkdtempSync(join(tmpdir(), 'lastcall-bundle-')), file);
  writeFileSync(
    path,
    `${isModule ? `import { createRequire } from 'node:module';` : `const { createRequire } = require('node:module');`}
    const outside = createRequire(${JSON.stringify(join(packageFolder, 'package.json'))});
    const { join, dirname } = outside('node:path');
    const parts = {${parts.join(',\n')}};
    const loaded = {};
    function load(path) {
      const found = [path, path + '.js', join(path, 'index.js')].find((name) => name in parts);
      if (found === undefined) throw new Error('not in the bundle: ' + path);
      if (loaded[found]) return loaded[found].exports;
      const module = (loaded[found] = { exports: {} });
      const requirePart = (name) => name.startsWith('.') ? load(join(dirname(found), name)) : outside(name);
      parts[found](module.exports, requirePart, module);
      return module.exports;
    }
    const { proc } = load(${JSON.stringify(dist)});
    ${app}`,
  );
  return path;
}

function run(path: string): Promise<{ out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [path], { timeout: 60_000 }, (_error, out, err) =>
      resolve({ out, err }),
    );
  });
}

describe.each(['bundle.cjs', 'bundle.mjs'])('%s', (file) => {
  it('stops, says where an error comes from, and dumps', async () => {
    const dumpDir = mkdtempSync(join(tmpdir(), 'lastcall-bundle-dumps-'));
    const path = bundle(
      file,
      `proc.setup({ dumpDir: ${JSON.stringify(dumpDir)}, logger: true });
      proc.onShutdown(function failing() { throw new Error('boom'); }, { name: 'db' });
      setInterval(() => {}, 1000);
      proc.dump().then(({ text }) => {
        console.log(text.length > 0 ? 'dumped' : 'empty');
        process.kill(process.pid, 'SIGTERM');
      });`,
    );
    const { out, err } = await run(path);
    expect({ out, err }).toEqual({ out: 'dumped\n', err: expect.stringContaining('boom\n') });
    expect(err).toMatch(new RegExp(`boom\\n +at .*${file.replace('.', '\\.')}:\\d+`));
    expect(err).toContain('ends by SIGTERM');
  }, 90_000);
});
