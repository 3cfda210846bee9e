import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { openDumpDirectory } from '../../src/dump-files/dump-directory';
import { itWith, ROOT } from '../harness/needs';
import { temporaryDirectory, testHost, thrownBy } from './test-host';

// Only root can give a directory to somebody else.
const asRoot = itWith([ROOT]);
const NOBODY = 65534;

const uid = process.geteuid?.();
const modeOf = (path: string): number => lstatSync(path).mode & 0o777;

describe('the directory for dump files, by default', () => {
  it('is private to the user, in the directory for temporary files', () => {
    const host = testHost();
    const path = openDumpDirectory(host, undefined);
    expect(path).toBe(join(host.temporaryDirectory(), `lastcall-${uid}`));
    expect(modeOf(path)).toBe(0o700);
    expect(openDumpDirectory(host, undefined)).toBe(path);
  });

  it.each([
    [
      'a symbolic link to a directory of ours',
      'is a symbolic link',
      (path: string) => {
        mkdirSync(`${path}-target`, { mode: 0o700 });
        symlinkSync(`${path}-target`, path);
      },
    ],
    [
      'a dangling symbolic link',
      'is a symbolic link',
      (path: string) => symlinkSync('/does/not/exist', path),
    ],
    ['a file', 'is not a directory', (path: string) => writeFileSync(path, 'precious')],
    [
      'a directory that others can write to',
      'mode 0777',
      (path: string) => {
        mkdirSync(path);
        chmodSync(path, 0o777);
      },
    ],
    [
      'a directory that others can read',
      'mode 0755',
      (path: string) => {
        mkdirSync(path);
        chmodSync(path, 0o755);
      },
    ],
  ])('is refused where somebody planted %s', (_what, says, plant) => {
    const host = testHost();
    const path = join(host.temporaryDirectory(), `lastcall-${uid}`);
    plant(path);
    const error = thrownBy(() => openDumpDirectory(host, undefined));
    expect(error).toMatchObject({ code: 'LASTCALL_DUMP_DIR_UNSAFE' });
    expect(String(error)).toContain(path);
    expect(String(error)).toContain(says);
  });

  asRoot('is refused where it belongs to somebody else', () => {
    const host = testHost();
    const path = openDumpDirectory(host, undefined);
    chownSync(path, NOBODY, NOBODY);
    expect(thrownBy(() => openDumpDirectory(host, undefined))).toMatchObject({
      code: 'LASTCALL_DUMP_DIR_UNSAFE',
      message: expect.stringContaining(`belongs to uid ${NOBODY}`),
    });
  });

  it('has no number and no mode where users have none', () => {
    const host = testHost({ uid: undefined });
    const path = openDumpDirectory(host, undefined);
    expect(path).toBe(join(host.temporaryDirectory(), 'lastcall'));
    chmodSync(path, 0o777);
    expect(openDumpDirectory(host, undefined)).toBe(path);
  });
});

describe('the directory for dump files, when it is given', () => {
  it('is made, with its parents, for us alone', () => {
    const path = join(temporaryDirectory(), 'a', 'b');
    expect(openDumpDirectory(testHost(), path)).toBe(path);
    expect(modeOf(path)).toBe(0o700);
  });

  it('is taken as it is when it is ours and nobody else can write to it', () => {
    const path = temporaryDirectory();
    chmodSync(path, 0o755);
    expect(openDumpDirectory(testHost(), path)).toBe(path);
    expect(modeOf(path)).toBe(0o755);
    expect(readdirSync(path)).toEqual([]);
  });

  it.each([0o777, 0o775, 0o1777])('gets a private directory in it when its mode is %o', (mode) => {
    const path = temporaryDirectory();
    chmodSync(path, mode);
    const inner = openDumpDirectory(testHost(), path);
    expect(inner).toBe(join(path, `lastcall-${uid}`));
    expect(modeOf(inner)).toBe(0o700);
  });

  it('has the private directory in it checked as well', () => {
    const path = temporaryDirectory();
    chmodSync(path, 0o777);
    symlinkSync(temporaryDirectory(), join(path, `lastcall-${uid}`));
    expect(thrownBy(() => openDumpDirectory(testHost(), path))).toMatchObject({
      code: 'LASTCALL_DUMP_DIR_UNSAFE',
    });
  });

  it('may be a symbolic link of ours', () => {
    const path = join(temporaryDirectory(), 'link');
    symlinkSync(temporaryDirectory(), path);
    expect(openDumpDirectory(testHost(), path)).toBe(path);
  });

  asRoot('may not be a symbolic link of somebody else', () => {
    const path = join(temporaryDirectory(), 'link');
    symlinkSync(temporaryDirectory(), path);
    lchownSync(path, NOBODY, NOBODY);
    expect(thrownBy(() => openDumpDirectory(testHost(), path))).toMatchObject({
      code: 'LASTCALL_DUMP_DIR_UNSAFE',
      message: expect.stringContaining('symbolic link'),
    });
  });

  asRoot("gets a private directory in it when it is somebody else's", () => {
    const path = temporaryDirectory();
    chownSync(path, NOBODY, NOBODY);
    expect(openDumpDirectory(testHost(), path)).toBe(join(path, 'lastcall-0'));
  });

  it('is refused when it is a file', () => {
    const path = join(temporaryDirectory(), 'file');
    writeFileSync(path, 'precious');
    expect(thrownBy(() => openDumpDirectory(testHost(), path))).toMatchObject({
      code: 'LASTCALL_DUMP_DIR_UNSAFE',
      message: expect.stringContaining('is not a directory'),
    });
  });
});
