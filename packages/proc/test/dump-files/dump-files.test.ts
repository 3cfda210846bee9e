import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { LastcallError } from '../../src';
import { DumpFiles } from '../../src/dump-files/dump-files';
import { fileSystem, systemError, temporaryDirectory, testHost, thrownBy } from './test-host';

const AT = Date.UTC(2026, 10, 20, 10, 15, 2, 123);

describe('DumpFiles.write()', () => {
  it('writes a file for the owner alone, and says where it is', () => {
    const host = testHost({ hostname: () => 'orders-7f9c', wallClock: () => AT, pid: 7 });
    const content = `${'dump\n'.repeat(50_000)}é`;
    const written = new DumpFiles({ name: '@acme/orders-api' }, host).write('dump', 'txt', content);
    expect(basename(written.path)).toBe(
      'acme_orders-api-orders_7f9c-7-dump-20261120T101502123Z.txt',
    );
    expect(written.bytes).toBe(Buffer.byteLength(content));
    expect(readFileSync(written.path, 'utf8')).toBe(content);
    expect(lstatSync(written.path)).toMatchObject({ nlink: 1, size: written.bytes });
    expect(lstatSync(written.path).mode & 0o777).toBe(0o600);
    expect(readdirSync(dirname(written.path))).toHaveLength(1);
  });

  it('writes bytes, also none', () => {
    const files = new DumpFiles({ name: 'x' }, testHost());
    const bytes = new Uint8Array([0, 255, 10]);
    expect([...readFileSync(files.write('heap', 'pb', bytes).path)]).toEqual([0, 255, 10]);
    expect(readFileSync(files.write('dump', 'txt', '').path, 'utf8')).toBe('');
  });

  it('touches nothing before the first write', () => {
    const host = testHost();
    new DumpFiles({ name: 'x' }, host);
    expect(readdirSync(host.temporaryDirectory())).toEqual([]);
  });

  it('does not take an empty text for the working directory', () => {
    const host = testHost();
    const { path } = new DumpFiles({ name: 'x', dir: '' }, host).write('dump', 'txt', 'x');
    expect(path.startsWith(host.temporaryDirectory())).toBe(true);
  });

  it('gives files that belong together one time', () => {
    const files = new DumpFiles({ name: 'x' }, testHost());
    const paths = ['cpu', 'heap'].map((kind) => files.write(kind, 'json', '{}', AT).path);
    for (const path of paths) expect(path).toContain('20261120T101502123Z.json');
  });

  it.each([
    ['a file', (path: string) => writeFileSync(path, 'precious')],
    ['a symbolic link', (path: string) => symlinkSync(`${path}-victim`, path)],
  ])('leaves %s alone that has the name already', (_what, plant) => {
    const dir = temporaryDirectory();
    const victim = join(dir, 'x-h-7-dump-20261120T101502123Z.txt');
    writeFileSync(`${victim}-victim`, 'precious');
    plant(victim);
    const host = testHost({ hostname: () => 'h', wallClock: () => AT, pid: 7 });
    const files = new DumpFiles({ dir, name: 'x' }, host);
    const names = [1, 2].map((n) => basename(files.write('dump', 'txt', `dump ${n}`).path));
    expect(names).toEqual([
      'x-h-7-dump-20261120T101502123Z-2.txt',
      'x-h-7-dump-20261120T101502123Z-3.txt',
    ]);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect(readFileSync(`${victim}-victim`, 'utf8')).toBe('precious');
  });

  it('leaves a dangling symbolic link alone, and what it names uncreated', () => {
    const dir = temporaryDirectory();
    symlinkSync(join(dir, 'created'), join(dir, 'x-h-7-dump-20261120T101502123Z.txt'));
    const host = testHost({ hostname: () => 'h', wallClock: () => AT, pid: 7 });
    new DumpFiles({ dir, name: 'x' }, host).write('dump', 'txt', 'dump');
    expect(readdirSync(dir)).not.toContain('created');
  });

  it('has mode 0600 whatever the umask', () => {
    for (const mask of [0, 0o277]) {
      // The umask of a worker or of jest's own process would be everybody's: only the mode of open() is changed by it.
      const { openSync } = fileSystem({});
      const files = fileSystem({
        openSync: (path, flags, mode) => openSync(path, flags, Number(mode) & ~mask),
      });
      const { path } = new DumpFiles({ name: 'x' }, testHost({ files })).write('dump', 'txt', 'x');
      expect(lstatSync(path).mode & 0o777).toBe(0o600);
    }
  });

  it('writes where there are no hard links, still over nothing', () => {
    const linkSync = (): never => {
      throw systemError('EPERM');
    };
    const host = testHost({
      hostname: () => 'h',
      wallClock: () => AT,
      pid: 7,
      files: fileSystem({ linkSync }),
    });
    const files = new DumpFiles({ name: 'x' }, host);
    const paths = ['first', 'second'].map((text) => files.write('dump', 'txt', text).path);
    expect(paths.map((path) => basename(path))).toEqual([
      'x-h-7-dump-20261120T101502123Z.txt',
      'x-h-7-dump-20261120T101502123Z-2.txt',
    ]);
    expect(paths.map((path) => readFileSync(path, 'utf8'))).toEqual(['first', 'second']);
    expect(readdirSync(dirname(paths[0] ?? ''))).toHaveLength(2);
  });

  it.each(['fchmodSync', 'fsyncSync'] as const)('does without %s where it is denied', (call) => {
    const denied = (): never => {
      throw systemError('ERR_ACCESS_DENIED');
    };
    const host = testHost({ files: fileSystem({ [call]: denied }) });
    const { path } = new DumpFiles({ name: 'x' }, host).write('dump', 'txt', 'x');
    expect(readFileSync(path, 'utf8')).toBe('x');
  });
});

describe('DumpFiles.write() that fails', () => {
  /** Lets the first call through and fails the second, so that half a file has been written. */
  function failingHalfway(code: string) {
    const { writeSync } = fileSystem({});
    let calls = 0;
    return (descriptor: number, bytes: Uint8Array, offset: number): number => {
      if (calls++ > 0) throw systemError(code);
      return writeSync(descriptor, bytes, offset, 1000);
    };
  }

  it.each([
    ['openSync', 'EMFILE', 'LASTCALL_DUMP_NOT_WRITTEN'],
    ['openSync', 'EROFS', 'LASTCALL_DUMP_NOT_WRITTEN'],
    ['writeSync', 'EIO', 'LASTCALL_DUMP_NOT_WRITTEN'],
    ['writeSync', 'ENOSPC', 'LASTCALL_DUMP_NO_SPACE'],
    ['writeSync', 'EDQUOT', 'LASTCALL_DUMP_NO_SPACE'],
    ['fsyncSync', 'ENOSPC', 'LASTCALL_DUMP_NO_SPACE'],
    ['closeSync', 'EIO', 'LASTCALL_DUMP_NOT_WRITTEN'],
    ['renameSync', 'EIO', 'LASTCALL_DUMP_NOT_WRITTEN'],
  ] as const)('leaves nothing behind: %s throws %s', (call, cause, code) => {
    const { closeSync } = fileSystem({});
    const fail = (): never => {
      throw systemError(cause);
    };
    const failing = {
      openSync: fail,
      writeSync: failingHalfway(cause),
      fsyncSync: fail,
      closeSync: (descriptor: number) => {
        closeSync(descriptor);
        fail();
      },
      renameSync: fail,
    };
    const changes = {
      [call]: failing[call],
      ...(call === 'renameSync' ? { linkSync: fail } : undefined),
    };
    const dir = temporaryDirectory();
    const host = testHost({ files: fileSystem(changes as never) });
    const error = thrownBy(() =>
      new DumpFiles({ dir, name: 'x' }, host).write('dump', 'txt', 'x'.repeat(5000)),
    ) as LastcallError;
    expect(error).toBeInstanceOf(LastcallError);
    expect(error).toMatchObject({ code, cause: expect.objectContaining({ code: cause }) });
    expect(error.message).toContain(dir);
    expect(readdirSync(dir)).toEqual([]);
  });

  it('does not wait for a write that never gets anywhere', () => {
    const host = testHost({ files: fileSystem({ writeSync: (() => 0) as never }) });
    expect(
      thrownBy(() => new DumpFiles({ name: 'x' }, host).write('dump', 'txt', 'x')),
    ).toMatchObject({ code: 'LASTCALL_DUMP_NO_SPACE' });
  });

  it('says ENOENT where there is no directory for temporary files', () => {
    const host = testHost({ temporaryDirectory: () => '/does/not/exist' });
    expect(
      thrownBy(() => new DumpFiles({ name: 'x' }, host).write('dump', 'txt', 'x')),
    ).toMatchObject({
      code: 'LASTCALL_DUMP_NOT_WRITTEN',
      cause: expect.objectContaining({ code: 'ENOENT' }),
    });
  });

  it('throws nothing but coded errors, whatever it is given', () => {
    const files = new DumpFiles({ name: 'x' }, testHost());
    const throwing = {
      toString: () => {
        throw new TypeError('hostile');
      },
    };
    for (const call of [
      () => files.write('dump', 'txt', undefined as never),
      () => files.write(throwing as never, 'txt', 'x'),
      () => files.write('dump', 'txt', 'x', Number.NaN),
      () => new DumpFiles({ name: 'x', dir: 'a\u0000b' }, testHost()).write('dump', 'txt', 'x'),
    ]) {
      expect(thrownBy(call)).toMatchObject({ code: 'LASTCALL_DUMP_NOT_WRITTEN' });
    }
  });

  it('refuses limits that are none', () => {
    for (const limits of [{ maxFiles: 0 }, { maxFileBytes: -1 }, { files: 3 }, { maxFiles: '3' }]) {
      expect(thrownBy(() => new DumpFiles({ name: 'x', limits: limits as never }))).toMatchObject({
        code: 'LASTCALL_BAD_OPTION',
      });
    }
  });

  it('writes no file that is larger than allowed', () => {
    const dir = temporaryDirectory();
    const files = new DumpFiles({ dir, name: 'x', limits: { maxFileBytes: 10 } }, testHost());
    expect(thrownBy(() => files.write('dump', 'txt', 'é'.repeat(6)))).toMatchObject({
      code: 'LASTCALL_DUMP_TOO_LARGE',
    });
    expect(readdirSync(dir)).toEqual([]);
    files.write('dump', 'txt', 'é'.repeat(5));
  });

  it('leaves the file system its reserve', () => {
    const dir = temporaryDirectory();
    const statfsSync = (() => ({ blocks: 100, bavail: 10, bsize: 1000 })) as never;
    const write = (bytes: number, minFreeBytes: number): unknown =>
      new DumpFiles(
        { dir, name: 'x', limits: { minFreeBytes } },
        testHost({ files: fileSystem({ statfsSync }) }),
      ).write('dump', 'txt', Buffer.alloc(bytes));
    write(9000, 1000);
    // A twentieth is 5000.
    write(5000, 1e6);
    const full = {
      code: 'LASTCALL_DUMP_NO_SPACE',
      message: expect.stringContaining('10000 bytes'),
    };
    expect(thrownBy(() => write(9001, 1000))).toMatchObject(full);
    expect(thrownBy(() => write(5001, 1e6))).toMatchObject(full);
    expect(readdirSync(dir)).toHaveLength(2);
  });

  it.each([
    ['says nothing about its size', () => ({ blocks: 0, bavail: 0, bsize: 4096 })],
    [
      'cannot be asked',
      () => {
        throw systemError('ENOSYS');
      },
    ],
  ])('tries where a file system %s', (_what, statfsSync) => {
    const host = testHost({ files: fileSystem({ statfsSync: statfsSync as never }) });
    expect(new DumpFiles({ name: 'x' }, host).write('dump', 'txt', 'x').bytes).toBe(1);
  });

  it('succeeds where old files cannot be pruned', () => {
    const fail = (): never => {
      throw systemError('EACCES');
    };
    const host = testHost({ files: fileSystem({ readdirSync: fail as never }) });
    expect(new DumpFiles({ name: 'x' }, host).write('dump', 'txt', 'x').bytes).toBe(1);
  });
});

describe('old dump files', () => {
  const at = (n: number): number => AT + n;
  const fill = (dir: string, name: string, count: number, bytes: number): string[] => {
    const host = testHost({ hostname: () => 'h', pid: 7 });
    const files = new DumpFiles({ dir, name }, host);
    return Array.from({ length: count }, (_, n) =>
      basename(files.write('dump', 'txt', Buffer.alloc(bytes), at(n)).path),
    );
  };

  it('go when there are more than maxFiles, of whatever host and process; the oldest first', () => {
    const dir = temporaryDirectory();
    const [, , third, fourth] = fill(dir, 'x', 4, 1);
    const { path } = new DumpFiles({ dir, name: 'x', limits: { maxFiles: 3 } }, testHost()).write(
      'cpu',
      'cpuprofile',
      '{}',
    );
    expect(readdirSync(dir).toSorted()).toEqual([third, fourth, basename(path)].toSorted());
  });

  it('go when they have more than maxTotalBytes', () => {
    const dir = temporaryDirectory();
    const [, , , fourth] = fill(dir, 'x', 4, 100);
    const files = new DumpFiles({ dir, name: 'x', limits: { maxTotalBytes: 250 } }, testHost());
    const { path } = files.write('dump', 'txt', Buffer.alloc(100));
    expect(readdirSync(dir).toSorted()).toEqual([fourth, basename(path)].toSorted());
  });

  it('never include the one just written, though it is too large or says it is the oldest', () => {
    const dir = temporaryDirectory();
    fill(dir, 'x', 2, 100);
    const limits = { maxFiles: 1, maxTotalBytes: 10 };
    const files = new DumpFiles({ dir, name: 'x', limits }, testHost());
    const { path } = files.write('dump', 'txt', Buffer.alloc(100), at(-1000));
    expect(readdirSync(dir)).toEqual([basename(path)]);
  });

  it('never include files of other services or of other people', () => {
    const dir = temporaryDirectory();
    const kept = [
      ...fill(dir, 'x-gateway', 2, 1),
      ...fill(dir, 'gateway', 2, 1),
      'x-h-7-dump-20261120T101502123Z.txt.bak',
      'x-notes.txt',
      'precious',
    ];
    for (const name of kept.slice(-3)) writeFileSync(join(dir, name), 'precious');
    // Not a regular file: whoever put it there knows why.
    symlinkSync('precious', join(dir, 'x-h-8-dump-20261120T101502000Z.txt'));
    const limits = { maxFiles: 1 };
    const { path } = new DumpFiles({ dir, name: 'x', limits }, testHost()).write(
      'dump',
      'txt',
      'x',
    );
    expect(readdirSync(dir).toSorted()).toEqual(
      [...kept, basename(path), 'x-h-8-dump-20261120T101502000Z.txt'].toSorted(),
    );
  });

  it('never include those of another user', () => {
    const dir = temporaryDirectory();
    const theirs = fill(dir, 'x', 3, 1);
    chmodSync(dir, 0o700);
    const { lstatSync: look } = fileSystem({});
    const lstat = ((path: string, options: never) => {
      const entry = look(path, options);
      return theirs.includes(basename(path)) ? Object.assign(entry, { uid: 4321 }) : entry;
    }) as never;
    const host = testHost({ files: fileSystem({ lstatSync: lstat }) });
    new DumpFiles({ dir, name: 'x', limits: { maxFiles: 1 } }, host).write('dump', 'txt', 'x');
    expect(readdirSync(dir)).toEqual(expect.arrayContaining(theirs));
  });

  it('that were left incomplete go when their process is dead and they are an hour old', () => {
    const dir = temporaryDirectory();
    const host = testHost({ hostname: () => 'here', pid: 7, isAlive: (pid) => pid === 8 });
    const partial = (service: string, where: string, pid: number, hoursOld: number): string => {
      const name = `.${service}-${where}-${pid}-dump-20261120T101502123Z.txt.0123abcd.tmp`;
      writeFileSync(join(dir, name), 'half');
      const time = Date.now() / 1000 - hoursOld * 3600;
      utimesSync(join(dir, name), time, time);
      return name;
    };
    const gone = [
      partial('x', 'here', 9, 1.1),
      // Ours has this number now: in a container every process has the same.
      partial('x', 'here', 7, 1.1),
      partial('x', 'there', 8, 1.1),
    ];
    const kept = [
      partial('x', 'here', 10, 0.9),
      partial('x', 'here', 8, 1.1),
      partial('y', 'here', 11, 1.1),
    ];
    new DumpFiles({ dir, name: 'x' }, host).write('dump', 'txt', 'x');
    const left = readdirSync(dir);
    expect(left).toEqual(expect.arrayContaining(kept));
    for (const name of gone) expect(left).not.toContain(name);
  });
});
