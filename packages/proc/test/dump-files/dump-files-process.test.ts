import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ProgramOptions, runProgram } from '../../../../tools/run-program';
import { DumpFiles } from '../../src/dump-files/dump-files';
import { AS_NOBODY, describeWith, itWith, MOUNTS, NOBODY, ROOT } from '../harness/needs';
import { fileSystem, temporaryDirectory, testHost, thrownBy } from './test-host';

const PACKAGE = join(__dirname, '../..');

/** A program with `dumpTo(dir, changes)`, and `outcome(fn)`: what `fn` returns, or the codes of what it throws. */
function prepared(source: string): string {
  return `
    const { DumpFiles } = require('./dist/dump-files/dump-files');
    const { createProcessDumpHost } = require('./dist/dump-files/process-dump-host');
    const dumpTo = (dir, changes) => new DumpFiles({ dir, name: 'x' }, { ...createProcessDumpHost(), ...changes });
    const outcome = (fn) => { try { return fn(); } catch (e) { return { code: e.code, cause: e.cause?.code }; } };
    const say = (value) => console.log(JSON.stringify(value));
    ${source}`;
}

function run(source: string, options?: ProgramOptions) {
  return runProgram(PACKAGE, prepared(source), options).ended;
}

describe('dump files of real processes', () => {
  it('all get written by two that have one number, in one millisecond, to one directory', async () => {
    const dir = temporaryDirectory();
    const program = (who: string): string => `
      const files = dumpTo(${JSON.stringify(dir)}, { pid: 1, wallClock: () => 0 });
      process.stdin.once('data', () => {
        for (let n = 0; n < 9; n++) files.write('dump', 'txt', '${who} ' + n);
        process.exit();
      });
      say('up');`;
    const both = ['a', 'b'].map((who) => {
      const started = runProgram(PACKAGE, prepared(program(who)), { stdio: 'pipe' });
      return { ...started, up: started.saw('up') };
    });
    await Promise.all(both.map(({ up }) => up));
    for (const { child } of both) child.stdin?.write('go');
    for (const { ended } of both) expect(await ended).toMatchObject({ code: 0, err: '' });
    const texts = readdirSync(dir).map((name) => readFileSync(join(dir, name), 'utf8'));
    const expected = ['a', 'b'].flatMap((who) =>
      [0, 1, 2, 3, 4, 5, 6, 7, 8].map((n) => `${who} ${n}`),
    );
    expect(texts.toSorted()).toEqual(expected);
  });

  it.each(['0', '0277'])('have mode 0600 with umask %s', async (mask) => {
    const dir = temporaryDirectory();
    const { out } = await run(`
      process.umask('${mask}');
      say(dumpTo(${JSON.stringify(dir)}).write('dump', 'txt', 'x').path);`);
    expect(lstatSync(JSON.parse(out) as string).mode & 0o777).toBe(0o600);
  });

  it('leave nothing half written when the process may not write that much (ulimit -f)', async () => {
    const dir = temporaryDirectory();
    const source = `say(outcome(() => dumpTo(${JSON.stringify(dir)}).write('dump', 'txt', 'x'.repeat(1e6))));`;
    const under = ['sh', '-c', 'ulimit -f 100; exec "$0" "$@"'];
    const end = await run(source, { under });
    expect(end).toMatchObject({ code: 0, signal: null, err: '' });
    expect(JSON.parse(end.out)).toEqual({ code: 'LASTCALL_DUMP_NOT_WRITTEN', cause: 'EFBIG' });
    expect(readdirSync(dir)).toEqual([]);
  });

  it('are written under the permission model, or say what is missing', async () => {
    const dir = temporaryDirectory();
    const flag = process.allowedNodeEnvironmentFlags.has('--permission')
      ? '--permission'
      : '--experimental-permission';
    const source = prepared(
      `say(outcome(() => dumpTo(${JSON.stringify(dir)}).write('dump', 'txt', 'x')));`,
    );
    const withWrite = (allowed: string): string =>
      execFileSync(
        process.execPath,
        [flag, '--no-warnings', '--allow-fs-read=*', `--allow-fs-write=${allowed}`, '-e', source],
        { cwd: PACKAGE, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
      );
    expect(JSON.parse(withWrite('/does/not/exist'))).toEqual({
      code: 'LASTCALL_DUMP_NOT_WRITTEN',
      cause: 'ERR_ACCESS_DENIED',
    });
    const { path } = JSON.parse(withWrite(dir)) as { path: string };
    expect(readFileSync(path, 'utf8')).toBe('x');
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
  });

  itWith([ROOT, 'setpriv', NOBODY]).each([
    ['EACCES', '/usr/lib'],
    ['EACCES', '/usr/lib/does-not-exist'],
    ['ENOENT', '/proc/does-not-exist'],
  ])('say %s as nobody in %s', async (cause, dir) => {
    const end = await run(
      `say(outcome(() => dumpTo(${JSON.stringify(dir)}).write('dump', 'txt', 'x')));`,
      { under: AS_NOBODY },
    );
    expect(JSON.parse(end.out)).toEqual({ code: 'LASTCALL_DUMP_NOT_WRITTEN', cause });
  });
});

describeWith([ROOT, 'mount', 'unshare', MOUNTS])('dump files on a file system of their own', () => {
  function mounted(options: string, use: (dir: string) => void): void {
    const dir = temporaryDirectory();
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir]);
    try {
      use(dir);
    } finally {
      execFileSync('umount', [dir]);
    }
  }

  const write = (dir: string, bytes: number, host = testHost()): unknown =>
    new DumpFiles({ dir, name: 'x' }, host).write('dump', 'txt', Buffer.alloc(bytes, 'x'));

  it('are not written where there is no room, and say so before they try', () => {
    mounted('size=64k,mode=700', (dir) => {
      write(dir, 20_000);
      expect(thrownBy(() => write(dir, 60_000))).toMatchObject({
        code: 'LASTCALL_DUMP_NO_SPACE',
        message: expect.stringContaining('must stay so'),
      });
      expect(readdirSync(dir)).toHaveLength(1);
    });
  });

  it('leave nothing behind when the room runs out on the way', () => {
    mounted('size=64k,mode=700', (dir) => {
      const statfsSync = (() => ({ blocks: 1e9, bavail: 1e9, bsize: 4096 })) as never;
      const host = testHost({ files: fileSystem({ statfsSync }) });
      expect(thrownBy(() => write(dir, 100_000, host))).toMatchObject({
        code: 'LASTCALL_DUMP_NO_SPACE',
        cause: expect.objectContaining({ code: 'ENOSPC' }),
      });
      expect(readdirSync(dir)).toEqual([]);
      write(dir, 20_000);
    });
  });

  it('say that a file system is read-only', () => {
    mounted('size=64k,mode=700,ro', (dir) => {
      expect(thrownBy(() => write(dir, 1))).toMatchObject({
        code: 'LASTCALL_DUMP_NOT_WRITTEN',
        message: expect.stringContaining('read-only'),
        cause: expect.objectContaining({ code: 'EROFS' }),
      });
      expect(thrownBy(() => write(join(dir, 'inner'), 1))).toMatchObject({
        cause: expect.objectContaining({ code: 'EROFS' }),
      });
    });
  });
});
