// Preloaded into the programs of tests that are TypeScript. What ts-node/register/transpile-only does, but a file is compiled
// once, not once per process: to load the compiler takes a small program twice the time of all it does.
const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { _extensions: extensions } = require('node:module');
const { join } = require('node:path');
const { version } = require('typescript/package.json');

const CACHE = join(__dirname, '..', '.cache', 'typescript');

extensions['.ts'] = (module, path) => module._compile(compile(path), path);

function compile(path) {
  const source = readFileSync(path, 'utf8');
  const key = createHash('sha256')
    .update(JSON.stringify([version, path, source]))
    .digest('hex');
  const file = join(CACHE, `${key}.js`);
  try {
    return readFileSync(file, 'utf8');
  } catch {
    const output = transpile(source, path);
    write(file, output);
    return output;
  }
}

function transpile(source, fileName) {
  const { ModuleKind, ScriptTarget, transpileModule } = require('typescript');
  const { Node20: module } = ModuleKind;
  const compilerOptions = {
    module,
    target: ScriptTarget.ES2023,
    esModuleInterop: true,
    inlineSourceMap: true,
  };
  return transpileModule(source, { fileName, compilerOptions }).outputText;
}

/** Other processes may write the same file, and read it. */
function write(file, text) {
  mkdirSync(CACHE, { recursive: true });
  const own = `${file}.${process.pid}`;
  writeFileSync(own, text);
  renameSync(own, file);
}
