import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import type { AwaitFrame, AwaitSites } from '../../src/await-sites/await-sites';
import { runSearch } from './search-program';

const SOURCE = `interface Waiting {
  readonly resolve: () => void;
}

const waiting: Waiting[] = [];

export class Queue<T extends object> {
  async take(): Promise<T | undefined> {
    await new Promise<void>((resolve) => waiting.push({ resolve }));
    return undefined;
  }
}

type Unused = { readonly nothing: true };

export async function consume(queue: Queue<Unused>): Promise<void> {
  await queue.take();
}

consume(new Queue());
`;

const placeOf = (needle: string): { line: number; column: number } => {
  const lines = SOURCE.split('\n');
  const line = lines.findIndex((each) => each.includes(needle));
  return { line: line + 1, column: (lines[line] ?? '').indexOf('await') + 1 };
};

/** Compiles the source in a folder of its own, and returns the file that runs. */
function compile(extension: 'cjs' | 'mjs'): { readonly source: string; readonly file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'lastcall-positions-'));
  const source = join(folder, 'queue.ts');
  const file = join(folder, `queue.${extension}`);
  const { outputText } = transpileModule(SOURCE, {
    fileName: source,
    compilerOptions: {
      target: ScriptTarget.ES2022,
      module: extension === 'cjs' ? ModuleKind.CommonJS : ModuleKind.ES2022,
      inlineSourceMap: true,
      removeComments: true,
    },
  });
  writeFileSync(source, SOURCE);
  writeFileSync(file, outputText);
  return { source, file };
}

async function framesOf(file: string, flags = ''): Promise<readonly AwaitFrame[]> {
  const { groups } = await runSearch<AwaitSites>(
    `import(${JSON.stringify(pathToFileURL(file).href)})
       .then(turns)
       .then(() => findAwaitSites({ force: true }))
       .then(tell);`,
    { flags },
  );
  return groups.find(({ frames }) => frames[0]?.functionName === 'take')?.frames ?? [];
}

describe('the positions of await sites', () => {
  it.each([
    ['cjs', ''],
    ['mjs', ''],
    ['cjs', '--enable-source-maps'],
    ['mjs', '--enable-source-maps'],
  ] as const)('are those of the source: .%s %s', async (extension, flags) => {
    const { source, file } = compile(extension);
    expect(await framesOf(file, flags)).toEqual([
      { functionName: 'take', file: source, ...placeOf('await new Promise'), kind: 'async' },
      { functionName: 'consume', file: source, ...placeOf('await queue.take'), kind: 'async' },
    ]);
  });

  it('have a name in code that has no file', async () => {
    const { groups } = await runSearch<AwaitSites>(
      `const kept = [];
      globalThis.kept = [kept, eval('(async () => { await new Promise((resolve) => kept.push(resolve)); })()')];
      turns().then(() => findAwaitSites({ force: true })).then(tell);`,
    );
    const frames = groups.map(({ frames: [innermost] }) => innermost);
    expect(frames).toContainEqual(
      expect.objectContaining({ functionName: '(anonymous)', file: '[evaluated]', line: 1 }),
    );
  });
});
