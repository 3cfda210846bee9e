import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually } from '../../../tools/eventually';
import { namedPrograms, pidOf } from './harness/named-programs';
import { succeeded } from './harness/succeeded';

const ROOM = join(__dirname, '..');
const room = namedPrograms();
const { lastcall, lastcallWith, up } = room;

describe('lastcall stop', () => {
  it('tells what happens, and ends when the process is gone', async () => {
    const program = await up("proc.onShutdown(() => sleep(100), { name: 'pool' });");
    const { out, err } = await succeeded(lastcall('stop', 'orders'));
    expect(err).toMatch(/resources pool +ok/);
    expect(out).toMatch(/has ended after \d+ ms, ok/);
    expect(await program.ended).toMatchObject({ signal: 'SIGTERM' });
  });

  it('ends with 1 when something was not ok', async () => {
    await up("proc.onShutdown(() => { throw new Error('no'); }, { name: 'broker' });");
    expect((await lastcall('stop', 'orders')).code).toBe(1);
  });

  it('says what was cut, and why a listener failed', async () => {
    await up(`
      const paid = { kind: 'job', name: 'invoice 7' };
      proc.onShutdown(() => ({ drained: 1, cut: [paid] }), { name: 'jobs' });
      proc.onShutdown(() => { throw new Error('no broker'); }, { name: 'broker' });`);
    const { err } = await lastcall('stop', 'orders');
    expect(err).toMatch(/ jobs .*1 drained, 1 cut\n +cut: kind job, name invoice 7\n/);
    expect(err).toMatch(/ broker .*no broker\n +at .*\n/);
  });

  const SLOW = `
    proc.onShutdown(() => sleep(3000), { name: 'pool' });
    proc.events.on('report', ({ report }) => say('all ok: ' + report.ok));`;

  it('waits for a stop that is under way without a control socket, and does not cut it short', async () => {
    const program = await up(SLOW, { control: false });
    const first = await lastcall('stop', pidOf(program), '-t', '100ms');
    expect(first.code).toBe(5);
    expect(first.err).toContain('lastcall stop again waits for it');
    const second = await lastcall('stop', pidOf(program));
    expect(second.err).toContain(`process ${pidOf(program)} was asked to stop before: waiting`);
    expect(second.code).toBe(0);
    expect((await program.ended).out).toContain('all ok: true');
    expect(readdirSync(join(room.folder, 'control'))).toEqual([]);
  });

  it('says what it has done, and that it waits, where there is no control socket to tell of more', async () => {
    const program = await up("process.on('SIGTERM', () => {});", { control: false });
    const pid = pidOf(program);
    // A clock that goes fast.
    let seconds = 0;
    const now = (): number => (seconds += 1) * 1000;
    const asked = await lastcallWith({ now }, 'stop', pid, '-t', '30s');
    expect(asked.err.split('\n').slice(0, 4)).toEqual([
      expect.stringContaining(`SIGTERM sent to process ${pid}; without a control socket`),
      expect.stringContaining(`process ${pid} is still there after 5.0 s of 30.0 s (--timeout)`),
      expect.stringContaining('still there after 10.0 s'),
      expect.stringContaining('still there after 20.0 s'),
    ]);
    expect(asked.code).toBe(5);
    program.child.kill('SIGSTOP');
    // The kernel takes its time for it on a busy machine.
    await eventually(
      () => readFileSync(`/proc/${pid}/stat`, 'utf8'),
      (stat) => / T /.test(stat),
    );
    const { err } = await lastcallWith({ now }, 'stop', pid, '-t', '9s');
    expect(err).toContain(
      `still there after 5.0 s of 9.0 s (--timeout): it is suspended (kill -CONT`,
    );
  });

  it('asks a later process of the same pid', async () => {
    const program = await up('', { control: false });
    const directory = join(room.folder, 'control');
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, `${pidOf(program)}.stop`), 'a start time of long ago');
    await succeeded(lastcall('stop', pidOf(program)));
    expect(await program.ended).toMatchObject({ signal: 'SIGTERM' });
  });

  it('says what a second stop would do where it cannot keep in mind that it has asked', async () => {
    const program = await up("process.on('SIGTERM', () => {});", { control: false });
    writeFileSync(join(room.folder, 'control'), 'no directory');
    const { err } = await lastcall('stop', pidOf(program), '-t', '100ms');
    expect(err).toContain('a second SIGTERM may end it at once');
  });

  it('says that it has not asked where the control socket takes no more questions', async () => {
    const program = await up('');
    const directory = join(room.folder, 'control');
    const [name = ''] = readdirSync(directory);
    const silent = Array.from({ length: 64 }, () => connect(join(directory, name)));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    const { code, err } = await lastcall('stop', pidOf(program), '-t', '5s');
    for (const socket of silent) socket.destroy();
    expect({ code, err }).toMatchObject({ code: 4, err: expect.stringContaining('has 64 conn') });
    expect(program.child.signalCode).toBeNull();
  });

  it('works without a control socket, and by force when the time is over', async () => {
    const program = await up('', { control: false });
    await succeeded(lastcall('stop', pidOf(program)));
    const stuck = await up("process.on('SIGTERM', () => {});", { control: false });
    const late = await lastcall('stop', pidOf(stuck), '-t', '200ms');
    expect(late.code).toBe(5);
    const { out, code } = await lastcall('stop', pidOf(stuck), '-t', '200ms', '--kill');
    expect(out).toContain('was killed');
    expect(code).toBe(1);
    expect(await stuck.ended).toMatchObject({ signal: 'SIGKILL' });
  });

  it('says that what a shell has started may live on', async () => {
    const shell = spawn('sh', ['-c', 'echo up; read -r line; true'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      await once(shell.stdout, 'data');
      const { err } = await succeeded(lastcall('stop', String(shell.pid)));
      expect(err).toContain('is a shell (sh), which does not pass SIGTERM on');
    } finally {
      shell.kill('SIGKILL');
    }
  });

  it('ends at once where SIGTERM may not be sent', () => {
    const program = `
      const { run } = require('./dist/main.js');
      const { createCliEnvironment } = require('./dist/cli-environment.js');
      const kill = (_, signal) => {
        if (signal === 0) return true;
        throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
      };
      const argv = ['stop', String(process.ppid)];
      run(argv, { ...createCliEnvironment(), kill }).then((code) => (process.exitCode = code));`;
    const options = { cwd: ROOM, encoding: 'utf8', timeout: 20_000 } as const;
    const { status, stderr } = spawnSync(process.execPath, ['-e', program], options);
    expect({ status, stderr }).toEqual({ status: 4, stderr: expect.stringContaining('EPERM') });
  });
});
