import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { itWith, optional } from '../../proc/test/harness/needs';
import { succeeded } from './harness/succeeded';
import { runCli } from './run-cli';

async function complete(...words: string[]): Promise<string[]> {
  const { out } = await runCli(['__complete', '--', ...words]);
  return out
    .trim()
    .split('\n')
    .map((line) => line.split('\t')[0] ?? '');
}

describe('completion', () => {
  it('completes commands, options, choices and files', async () => {
    expect(await complete('vi')).toEqual(['view']);
    expect(await complete('')).toEqual(expect.arrayContaining(['view', 'doctor', 'completion']));
    expect(await complete('')).not.toContain('__complete');
    expect(await complete('view', '--w')).toEqual(['--web']);
    expect(await complete('completion', 'f')).toEqual(['fish']);
    expect(await complete('view', '')).toEqual([':files']);
    expect(await complete('view', '--html', '')).toEqual([':files']);
    expect(await complete('view', '--port', '1', 'x', '--he')).toEqual(['--help']);
  });

  it('describes what it offers', async () => {
    const { out } = await runCli(['__complete', '--', 'doc']);
    expect(out).toMatch(/^doctor\tsay what will go wrong/);
  });

  it.each(['bash', 'zsh', 'fish'])('has a script for %s', async (shell) => {
    const { out } = await succeeded(runCli(['completion', shell]));
    expect(out).toContain('lastcall __complete -- ');
    expect((await runCli(['completion', 'tcsh'])).code).toBe(2);
  });

  it('works in a real bash', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lastcall-completion-'));
    try {
      const bin = join(folder, 'lastcall');
      const target = join(__dirname, '..', 'bin', 'lastcall.js');
      writeFileSync(bin, `#!/bin/sh\nexec '${process.execPath}' '${target}' "$@"\n`);
      chmodSync(bin, 0o755);
      const { out: script } = await runCli(['completion', 'bash']);
      const test = `${script}\nCOMP_WORDS=(lastcall completion z); COMP_CWORD=2; _lastcall; echo "[\${COMPREPLY[*]}]"`;
      const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
      const out = execFileSync('bash', ['-c', test], { encoding: 'utf8', env });
      expect(out).toBe('[zsh]\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  for (const shell of ['zsh', 'fish'])
    itWith([optional(shell)])(`gives a script that ${shell} can read`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'lastcall-completion-'));
      try {
        const script = join(folder, 'script');
        writeFileSync(script, (await runCli(['completion', shell])).out);
        // A pipe of Node is a socket, from which fish reads no script.
        expect(spawnSync(shell, ['-n', script]).status).toBe(0);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
});
