import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('README.md', () => {
  const readme = read('README.md');

  it('shows the program of docs/examples/http.ts', () => {
    const [, program] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
    expect(program).toBe(read('docs/examples/http.ts'));
    expect(program?.trim().split('\n').length).toBeLessThanOrEqual(15);
  });

  it.each(['README.md', 'CONTRIBUTING.md', ...docs()])(
    '%s links to files that are there',
    (page) => {
      const targets = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(
        ([, target]) => target ?? '',
      );
      for (const target of targets) expect(() => readAny(join(page, '..', target))).not.toThrow();
    },
  );
});

function docs(): string[] {
  const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
  return pages
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
    .map((name) => join('docs', name));
}

function readAny(path: string): void {
  statSync(join(root, path));
}
