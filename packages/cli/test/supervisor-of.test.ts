import { HANDOVER_VARIABLE } from '@lastcall/restart/handover';
import { createCliEnvironment } from '../src/cli-environment';
import { supervisorOf } from '../src/target/supervisor-of';

/** A worker, process 8, and who has started it, process 7. */
function supervisor(files: Readonly<Record<string, string>>) {
  const handover = JSON.stringify({ topology: 'supervised', parentPid: 7 });
  const all: Readonly<Record<string, string>> = {
    '/proc/8/status': 'PPid:\t7\nState:\tS (sleeping)\n',
    '/proc/8/environ': `${HANDOVER_VARIABLE}=${handover}\0`,
    ...files,
  };
  return supervisorOf({ ...createCliEnvironment(), readText: (path) => all[path] ?? null }, 8);
}

describe('the supervisor of a worker', () => {
  it('lives, whatever its name', () => {
    const files = {
      '/proc/7/status': 'PPid:\t1\nState:\tS (sleeping)\n',
      '/proc/7/cmdline': 'sv\0',
    };
    expect(supervisor(files)).toEqual({ pid: 7, lives: true, isLastcallRun: false });
  });

  it.each([
    ['its memory is gone, its place as the parent not yet', 'R (running)', ''],
    ['nobody has asked how it ended', 'Z (zombie)', ''],
  ])('does not when %s', (_, state, cmdline) => {
    const status = `PPid:\t1\nState:\t${state}\n`;
    const files = { '/proc/7/status': status, '/proc/7/cmdline': cmdline };
    expect(supervisor(files)).toEqual({ pid: 7, lives: false, isLastcallRun: false });
  });
});
