import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { succeeded } from './harness/succeeded';
import { runCli } from './run-cli';

const BIN = join(__dirname, '..', 'bin', 'lastcall.js');

describe('lastcall', () => {
  it('runs as a program, and says its version', () => {
    const { version } = JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8'));
    const out = execFileSync(process.execPath, [BIN, '--version'], { encoding: 'utf8' });
    expect(out).toBe(`${version}\n`);
  });

  it('ends with the exit code of the command', () => {
    const { status, stdout } = spawnSync(process.execPath, [BIN, 'view', '/nowhere', '--json'], {
      encoding: 'utf8',
    });
    expect(status).toBe(3);
    expect(JSON.parse(stdout).error.code).toBe('LASTCALL_CLI_NO_FILE');
  });

  it('says that what it has to say cannot be written, and fails', () => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [BIN, '--help'], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^lastcall: the output could not be written: ENOSPC.*\n$/);
  });

  it('prints help with the exit codes, for itself and for every command', async () => {
    const { out } = await succeeded(runCli(['--help']));
    expect(out).toContain('Exit codes:');
    const commands = [...out.matchAll(/^ {2}([a-z]+) .*/gm)].map(([, name]) => name ?? '');
    expect(commands).toContain('view');
    for (const command of commands.filter((name) => name !== 'help')) {
      const help = await runCli(['help', command]);
      expect(help.out).toContain(`Usage: lastcall ${command}`);
      expect(help.out).toContain('Example');
      // A default in milliseconds of an option in seconds misleads.
      expect(help.out).not.toMatch(/<seconds>[^<]*\(default: \d{4,}\)/);
    }
  });

  it.each([
    [['bogus']],
    [['view']],
    [['view', '--bogus', 'x']],
    [['view', 'a', '--port', 'x']],
    [['profile', 'a', '--seconds', '0']],
    [['profile', 'a', '-s', '11m']],
  ])('refuses %p with exit code 2 and says why', async (argv) => {
    const { code, out, err } = await runCli(argv);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(/error: /);
  });

  it('writes colours on a terminal alone, and not with NO_COLOR', async () => {
    const file = join(__dirname, 'fixtures', 'report.json');
    const sequence = '\u001B[';
    expect((await runCli(['view', file])).out).not.toContain(sequence);
    expect((await runCli(['view', file], { isTerminal: true })).out).toContain(sequence);
    const noColor = (name: string): string | undefined => (name === 'NO_COLOR' ? '1' : undefined);
    expect((await runCli(['view', file], { isTerminal: true, env: noColor })).out).not.toContain(
      sequence,
    );
  });

  it.each([
    ['--json', 'view'],
    ['view', '--json'],
  ])('takes --json before and behind a command', async (...argv) => {
    const file = join(__dirname, 'fixtures', 'report.json');
    const { out } = await runCli([...argv, file]);
    expect(JSON.parse(out)).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });
});
