import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '../src';
import { AS_NOBODY, itWith, MOUNTS, NOBODY, PID_NAMESPACES } from './harness/needs';
import { runProgram } from './run-program';

const temporary = (name: string): string => join(mkdtempSync(join(tmpdir(), 'lastcall-')), name);
const readReport = (path: string): Report => JSON.parse(readFileSync(path, 'utf8')) as Report;

/** Short times, for programs whose stop is not what a test waits for. */
const quick = `proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 200, waitTimeMs: 400 });`;

describe('the end of a process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('is by the signal it got: %s', async (signal) => {
    const program = runProgram(
      `proc.onShutdown(() => say('closed'), { name: 'pool' }); say('up');`,
    );
    await program.saw('up');
    program.kill(signal);
    const end = await program.ended;
    expect(end).toMatchObject({ code: null, signal });
    expect(end.out).toBe('up\nclosed\n');
    expect(end.err).toContain(`ends by ${signal}`);
  });

  it("has exit code 0 with exit: 'code', and 1 when a listener failed", async () => {
    for (const [listener, code] of [
      ['() => {}', 0],
      ['() => { throw new Error("x"); }', 1],
    ] as const) {
      const program = runProgram(
        `proc.setup({ exit: 'code' }); proc.onShutdown(${listener}); say('up');`,
      );
      await program.saw('up');
      program.kill('SIGTERM');
      expect(await program.ended).toMatchObject({ code, signal: null });
    }
  });

  it("runs 'exit' handlers once and writes out what is on its way to a pipe", async () => {
    // Far more than a pipe holds, and little enough to be read in a second where much else is going on.
    const size = 1 << 20;
    const program = runProgram(`
      process.on('exit', (code) => say('exit handler ' + code));
      proc.onShutdown(() => { process.stdout.write('x'.repeat(${size}) + '\\n'); });
      say('up');`);
    await program.saw('up');
    program.kill('SIGTERM');
    const { out, signal } = await program.ended;
    expect(signal).toBe('SIGTERM');
    expect(out.match(/exit handler 143/g)).toHaveLength(1);
    expect(out.length).toBeGreaterThan(size);
  });

  it('lets whoever awaits shutdown() have the report and a last word', async () => {
    const program = runProgram(`
      proc.onShutdown(() => ({ drained: 3 }), { name: 'web' });
      proc.shutdown('test').then((report) => say(report.listeners[0].name + ' ' + report.listeners[0].drained));`);
    expect(await program.ended).toMatchObject({ code: 0, signal: null, out: 'web 3\n' });
  });

  it('does not come by itself when the event loop is empty during the stop', async () => {
    const program = runProgram(`
      clearInterval(alive);
      proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 50, waitTimeMs: 100 });
      proc.onShutdown(never, { name: 'hung' });
      process.kill(process.pid, 'SIGTERM');
      setTimeout(() => {}, 10);`);
    const end = await program.ended;
    expect(end).toMatchObject({ code: null, signal: 'SIGTERM' });
    expect(end.err).toContain('still alive');
    expect(end.err).toContain('not settled: hung');
  });

  it('is by exit code 128+n where the handler of somebody else takes the signal', async () => {
    const program = runProgram(`
      process.on('SIGTERM', () => say('theirs'));
      proc.onShutdown(() => say('ours'));
      say('up');`);
    await program.saw('up');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({
      code: 143,
      signal: null,
      out: 'up\ntheirs\nours\n',
    });
  });

  it('comes at waitTimeMs when a listener hangs, and says what hung and what keeps the process alive', async () => {
    const program = runProgram(`
      ${quick}
      proc.onShutdown(never, { name: 'pool' });
      proc.onShutdown(() => say('logs flushed'), { stage: 'telemetry' });
      say('up');`);
    await program.saw('up');
    program.kill('SIGTERM');
    const { out, err, signal } = await program.ended;
    expect(signal).toBe('SIGTERM');
    expect(out).toContain('logs flushed');
    expect(err).toMatch(
      /hammer at \d+ ms \(hammerTimeMs\): what is in flight is cut; not settled: pool/,
    );
    expect(err).toMatch(/still alive.* at \d+ ms; not settled: pool; kept alive by: .*Timeout/);
  });

  it('does not name our own deadlines as what keeps the process alive', async () => {
    const program = runProgram(`
      ${quick}
      clearInterval(alive);
      require('node:net').createServer().listen(0, '127.0.0.1', () => say('up'));
      proc.onShutdown(never, { name: 'pool', stage: 'intake' });`);
    await program.saw('up');
    program.kill('SIGTERM');
    const { err } = await program.ended;
    const [, resources] = /kept alive by: (.*)/.exec(err) ?? [];
    expect(resources).toMatch(/TCPServerWrap x1/);
    expect(resources).not.toContain('Timeout');
  });

  it('nor our own turns, where a blocked loop is late for both of them', async () => {
    const path = temporary('report.json');
    const program = runProgram(
      `${quick}
      proc.onShutdown(() => {
        for (const end = performance.now() + 500; performance.now() < end; );
        return never();
      });
      say('up');`,
      { env: { LASTCALL_REPORT: path } },
    );
    await program.saw('up');
    program.kill('SIGTERM');
    await program.ended;
    expect(readReport(path)).toMatchObject({ forced: 'waitTimeMs', resources: { Timeout: 1 } });
    expect(readReport(path).resources).not.toHaveProperty('Immediate');
  });

  it('says where sockets lead that keep the process alive', async () => {
    const program = runProgram(`
      ${quick}
      const net = require('node:net');
      const server = net.createServer(() => say('up')).listen(0, '127.0.0.1', () => {
        say('port ' + server.address().port + '.');
        net.connect(server.address().port, '127.0.0.1');
      });
      proc.onShutdown(never, { name: 'pool' });`);
    const port = await program.port;
    await program.saw('up');
    program.kill('SIGTERM');
    const { err } = await program.ended;
    const [, sockets] = /kept alive by: .* \(sockets: (.*)\)/.exec(err) ?? [];
    expect(sockets?.split(', ').sort()).toEqual([
      `127.0.0.1:${port} x1`,
      `clients of 127.0.0.1:${port} x1`,
    ]);
  });

  it('does not name stdout and stderr either, which are pipes like any other', async () => {
    const program = runProgram(`
      ${quick}
      clearInterval(alive);
      const path = require('node:path').join(require('node:os').tmpdir(), 'lastcall-' + process.pid + '.sock');
      require('node:net').createServer().listen(path, () => say('up'));
      proc.onShutdown(never, { name: 'pool' });`);
    await program.saw('up');
    program.kill('SIGTERM');
    const { err } = await program.ended;
    expect(err).toMatch(/kept alive by: PipeWrap x1$/m);
  });

  it('comes at once with a second signal', async () => {
    const program = runProgram(`
      proc.onShutdown(() => { say('stopping'); return never(); });
      say('up');`);
    await program.saw('up');
    program.kill('SIGTERM');
    await program.saw('stopping');
    program.kill('SIGINT');
    const end = await program.ended;
    expect(end.signal).toBe('SIGTERM');
    expect(end.err).toContain('SIGINT received during the stop: kill');
  });

  it('takes the hammer from SIGUSR2 during the stop', async () => {
    const program = runProgram(`
      proc.onShutdown(({ signal }) => new Promise((resolve) => {
        signal.addEventListener('abort', () => { say('cut'); resolve(); });
        say('stopping');
      }));
      say('up');`);
    await program.saw('up');
    program.kill('SIGTERM');
    await program.saw('stopping');
    program.kill('SIGUSR2');
    const end = await program.ended;
    expect(end).toMatchObject({ signal: 'SIGTERM', out: 'up\nstopping\ncut\n' });
  });

  it('writes coverage, which a death by signal would lose', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lastcall-coverage-'));
    const program = runProgram(`proc.install(); say('up');`, { env: { NODE_V8_COVERAGE: folder } });
    await program.saw('up');
    program.kill('SIGTERM');
    expect((await program.ended).signal).toBe('SIGTERM');
    expect(execFileSync('ls', [folder], { encoding: 'utf8' })).toMatch(/^coverage-.*\.json/);
  });
});

describe('ten signals at once', () => {
  it("begin one stop with secondSignal: 'ignore', and every listener runs once", async () => {
    const program = runProgram(`
      proc.setup({ secondSignal: 'ignore' });
      for (const name of ['a', 'b']) proc.onShutdown(() => say(name), { name });
      say('up');`);
    await program.saw('up');
    for (let count = 0; count < 10; count += 1) program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ signal: 'SIGTERM', out: 'up\na\nb\n' });
  });

  it("end the process at once with secondSignal: 'kill'", async () => {
    const program = runProgram(`proc.onShutdown(never); say('up');`);
    await program.saw('up');
    for (let count = 0; count < 10; count += 1) program.kill('SIGTERM');
    expect((await program.ended).signal).toBe('SIGTERM');
  });
});

describe('a signal during startup', () => {
  it('stops what has started; what starts later is stopped at once', async () => {
    const program = runProgram(
      `
      proc.install();
      proc.onShutdown(() => say('first closed'), { name: 'first' });
      process.kill(process.pid, 'SIGTERM');
      setImmediate(() => setImmediate(() => {
        proc.onShutdown(() => say('second closed'), { name: 'second', stage: 'telemetry' });
      }));`,
      { env: { LASTCALL_WRAP_UP_TIME_MS: '300' } },
    );
    expect(await program.ended).toMatchObject({
      signal: 'SIGTERM',
      out: expect.stringContaining('first closed'),
    });
  });
});

describe('the report', () => {
  it('is written to LASTCALL_REPORT before the process dies, also when it is killed by a second signal', async () => {
    for (const second of [false, true]) {
      const path = temporary('report.json');
      const program = runProgram(
        `
        proc.setup({ logger: false });
        proc.onShutdown(() => { say('stopping'); return ${second ? 'never()' : '({ drained: 1 })'}; }, { name: 'pool' });
        say('up');`,
        { env: { LASTCALL_REPORT: path } },
      );
      await program.saw('up');
      program.kill('SIGTERM');
      if (second) {
        await program.saw('stopping');
        program.kill('SIGTERM');
      }
      expect((await program.ended).signal).toBe('SIGTERM');
      expect(readReport(path)).toMatchObject({
        version: 1,
        pid: program.child.pid,
        reason: 'SIGTERM',
        ok: !second,
        forced: second ? 'signal' : null,
        exit: { signal: 'SIGTERM', code: null },
        listeners: [{ name: 'pool', stage: 'resources', outcome: second ? 'late' : 'ok' }],
      });
    }
  });

  it('survives a signal while it is written', async () => {
    const path = temporary('report.json');
    const program = runProgram(
      `
      proc.onShutdown(() => {});
      proc.events.on('report', () => process.kill(process.pid, 'SIGTERM'));
      process.kill(process.pid, 'SIGTERM');`,
      { env: { LASTCALL_REPORT: path } },
    );
    expect((await program.ended).signal).toBe('SIGTERM');
    expect(readReport(path).ok).toBe(true);
  });

  it('that cannot be written is said, and the process ends as it would', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lastcall-'));
    writeFileSync(join(folder, 'file'), '');
    const program = runProgram(`proc.install(); say('up');`, {
      env: { LASTCALL_REPORT: join(folder, 'file', 'report.json') },
    });
    await program.saw('up');
    program.kill('SIGTERM');
    const end = await program.ended;
    expect(end.signal).toBe('SIGTERM');
    expect(end.err).toContain('LASTCALL_REPORT_NOT_WRITTEN');
  });

  it('that could not be written is said at the begin, once, and the process goes on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lastcall-'));
    writeFileSync(join(folder, 'file'), '');
    const told = async (path: string) => {
      const program = runProgram(
        `proc.setup({ logger: false });
        proc.events.on('warning', ({ error }) => say(error.code + ' ' + error.message));
        proc.onShutdown(() => {});
        proc.setup({ waitTimeMs: 6000 });
        proc.onShutdown(() => {});
        say('up');
        process.exit(0);`,
        { env: { LASTCALL_REPORT: path } },
      );
      return (await program.ended).out;
    };
    for (const path of ['missing/report.json', 'file/report.json', '.'])
      expect(await told(join(folder, path))).toMatch(
        /^LASTCALL_REPORT_NOT_WRITTEN the report of this process cannot be written to '.*' as things are \(LASTCALL_REPORT\): .*\nup\n$/,
      );
    for (const path of ['report-%p.json', 'file'])
      expect(await told(join(folder, path))).toBe('up\n');
    for (const path of ['/dev/null', '']) expect(await told(path)).toBe('up\n');
  });

  /** Stops a program that runs under `under`; what it wrote to stderr. */
  const stopUnder = async (path: string, under: readonly string[]): Promise<string> => {
    const program = runProgram(`proc.install(); say('up');`, {
      under,
      env: { LASTCALL_REPORT: path },
    });
    await program.saw('up');
    program.kill('SIGTERM');
    return (await program.ended).err;
  };

  itWith(['unshare', MOUNTS])(
    'is written in place where the file is a mount, as the termination log of Kubernetes',
    async () => {
      const [path, mounted] = [temporary('report.json'), temporary('termination-log')];
      for (const file of [path, mounted]) writeFileSync(file, 'an earlier one, '.repeat(1000));
      const mount = 'mount --bind "$0" "$1" && shift && exec "$@"';
      const under = ['unshare', '--mount', '/bin/sh', '-c', mount, mounted, path];
      expect(await stopUnder(path, under)).not.toContain('LASTCALL_REPORT_NOT_WRITTEN');
      expect(readReport(mounted).reason).toBe('SIGTERM');
    },
  );

  itWith([NOBODY])('is written in place where its folder may not be written to', async () => {
    const path = temporary('report.json');
    writeFileSync(path, 'an earlier one');
    chmodSync(dirname(path), 0o755);
    chmodSync(path, 0o666);
    expect(await stopUnder(path, AS_NOBODY)).not.toContain('LASTCALL_REPORT_NOT_WRITTEN');
    expect(readReport(path).reason).toBe('SIGTERM');
  });

  it('may have the longest name that there is', async () => {
    const path = temporary(`${'r'.repeat(250)}.json`);
    expect(await stopUnder(path, [])).not.toContain('LASTCALL_REPORT_NOT_WRITTEN');
    expect(readReport(path).reason).toBe('SIGTERM');
  });

  it('goes into a pipe or device without replacing it', async () => {
    const path = temporary('report.fifo');
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const program = runProgram(`proc.install(); say('up');`, { env: { LASTCALL_REPORT: path } });
    await program.saw('up');
    program.kill('SIGTERM');
    expect((await program.ended).signal).toBe('SIGTERM');
    expect(JSON.parse(readFileSync(reader, 'utf8'))).toMatchObject({ reason: 'SIGTERM' });
    expect(lstatSync(path).isFIFO()).toBe(true);
    closeSync(reader);
  });
});

describe('stderr', () => {
  it('that nobody reads does not hold up the stop', async () => {
    const program = runProgram(
      `
      process.stderr.write('x'.repeat(8 << 20));
      proc.onShutdown(() => say('closed'));
      say('up');`,
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    program.child.stderr?.pause();
    await program.saw('up');
    program.kill('SIGTERM');
    const [, signal] = await new Promise<unknown[]>((resolve) =>
      program.child.once('exit', (...end) => resolve(end)),
    );
    expect(signal).toBe('SIGTERM');
    program.child.stderr?.resume();
    expect((await program.ended).out).toContain('closed');
  });

  it('whose reader is gone does not break the stop', async () => {
    const program = runProgram(`proc.onShutdown(() => say('closed')); say('up');`);
    await program.saw('up');
    program.child.stderr?.destroy();
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ signal: 'SIGTERM', out: 'up\nclosed\n' });
  });

  it('that is closed, or a full disk, does not break the stop', async () => {
    const full = openSync('/dev/full', 'w');
    const program = runProgram(`proc.onShutdown(() => say('closed')); say('up');`, {
      stdio: ['ignore', 'pipe', full],
    });
    closeSync(full);
    await program.saw('up');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ signal: 'SIGTERM', out: 'up\nclosed\n' });
  });
});

describe('what the application writes during the stop', () => {
  it.each(['stdout', 'stderr'] as const)(
    'to %s, whose reader has gone, does not end the process with what is in flight',
    async (name) => {
      const other = name === 'stdout' ? 'stderr' : 'stdout';
      const program = runProgram(`
        const write = (text) => new Promise((resolve) => process.${name}.write(text, resolve));
        proc.setup({ logger: false });
        proc.onShutdown(async () => {
          for (let i = 0; i < 3; i++) await write('draining').then(() => new Promise(setImmediate));
          process.${other}.write('drained');
        });
        say('up');`);
      await program.saw('up');
      program.child[name]?.destroy();
      program.kill('SIGTERM');
      const end = await program.ended;
      expect({ signal: end.signal, text: end.out + end.err }).toEqual({
        signal: 'SIGTERM',
        text: expect.stringMatching(/drained$/),
      });
    },
  );

  it("is watched by nobody any more where the process lives on with exit: 'none'", async () => {
    const program = runProgram(`
      proc.setup({ exit: 'none', logger: false });
      const counts = () => [process.stdout, process.stderr].map((stream) => stream.listenerCount('error'));
      const before = counts();
      proc.shutdown().then(() => {
        say(String(before) === String(counts()));
        process.exit();
      });`);
    expect((await program.ended).out).toBe('true\n');
  });
});

describe('a process that was suspended beyond waitTimeMs', () => {
  it('cuts what is in flight before it ends', async () => {
    const path = temporary('report.json');
    const program = runProgram(
      `
      proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 2000, waitTimeMs: 2500 });
      proc.onShutdown(({ signal }) => new Promise((resolve) => {
        signal.addEventListener('abort', () => setImmediate(() => { say('cut'); resolve({ cut: ['job'] }); }));
        say('running');
      }), { name: 'jobs' });
      say('up');`,
      { env: { LASTCALL_REPORT: path } },
    );
    await program.saw('up');
    program.kill('SIGTERM');
    await program.saw('running');
    program.kill('SIGSTOP');
    // What is tested is that both times go by in which nothing of the process runs.
    await delay(3000);
    program.kill('SIGCONT');
    expect(await program.ended).toMatchObject({
      signal: 'SIGTERM',
      out: 'up\nrunning\ncut\n',
    });
    expect(readReport(path)).toMatchObject({
      forced: 'waitTimeMs',
      hammerMs: expect.any(Number),
      listeners: [{ name: 'jobs', outcome: 'late', cut: ['job'] }],
    });
  });
});

describe('under', () => {
  it('nohup, SIGTERM stops and SIGHUP has its default, as Node resets dispositions at its start', async () => {
    const program = runProgram(`proc.onShutdown(() => say('closed')); say('up');`, {
      under: ['nohup'],
    });
    await program.saw('up');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({
      signal: 'SIGTERM',
      out: expect.stringContaining('closed'),
    });
    const hung = runProgram(`proc.install(); say('up');`, { under: ['nohup'] });
    await hung.saw('up');
    hung.kill('SIGHUP');
    expect((await hung.ended).signal).toBe('SIGHUP');
  });

  itWith(['unshare', PID_NAMESPACES])(
    'PID 1, whose default dispositions the kernel ignores, the process ends with 128+n',
    async () => {
      const under = ['unshare', '--pid', '--fork', '--kill-child'];
      const program = runProgram(
        `
      proc.onShutdown(() => say('closed'), { name: 'pool' });
      say('pid ' + process.pid);
      // A process of another PID namespace cannot be named from outside: the signal comes from a child.
      require('node:child_process').spawn('/bin/sh', ['-c', 'kill -TERM 1'], { stdio: 'ignore' });`,
        { under },
      );
      expect(await program.ended).toMatchObject({
        code: 143,
        signal: null,
        out: 'pid 1\nclosed\n',
      });
    },
  );

  it('a fork with an IPC channel and pm2, the shutdown message stops it and the channel does not keep it alive', async () => {
    const stopped = runProgram(`proc.onShutdown(() => say('closed')); say('up');`, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { pm_id: '0' },
    });
    await stopped.saw('up');
    stopped.child.send('shutdown');
    expect(await stopped.ended).toMatchObject({ code: 0, out: 'up\nclosed\n' });
    const idle = runProgram(`clearInterval(alive); proc.install(); say('up');`, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { pm_id: '0' },
    });
    expect(await idle.ended).toMatchObject({ code: 0, out: 'up\n' });
  });
});

describe('a cluster worker', () => {
  it('stops on its own signal, and the primary sees how it ended', async () => {
    const program = runProgram(`
      const cluster = require('node:cluster');
      cluster.setupPrimary({ exec: '-', execArgv: ['-e', \`
        const { proc } = require('@lastcall/proc');
        const server = require('node:http').createServer().listen(0, () => process.send('up'));
        proc.setup({ wrapUpTimeMs: 50 });
        proc.onShutdown(() => process.send('closed'), { name: 'pool' });
        proc.events.on('state', ({ holdMs }) => holdMs !== undefined && process.send('hold ' + holdMs));
      \`] });
      const worker = cluster.fork();
      worker.on('message', (text) => { say(text); if (text === 'up') worker.process.kill('SIGTERM'); });
      worker.on('exit', (code, signal) => { say('worker ended by ' + signal); process.exit(0); });`);
    expect((await program.ended).out).toBe('up\nhold 50\nclosed\nworker ended by SIGTERM\n');
  });
});

describe('a cluster whose primary dies at the signal that all get', () => {
  it('has workers that finish what is in flight, and then stop', async () => {
    const program = runProgram(`
      const cluster = require('node:cluster');
      cluster.setupPrimary({ exec: '-', execArgv: ['-e', \`
        const { proc } = require('@lastcall/proc');
        proc.setup({ wrapUpTimeMs: 200 });
        proc.onShutdown(() => new Promise((resolve) => setTimeout(() => {
          process.stdout.write('worker is done\\\\n');
          resolve();
        }, 100)), { stage: 'work' });
        process.send('up');
      \`] });
      const worker = cluster.fork();
      worker.on('message', () => process.kill(process.pid, 'SIGKILL'));`);
    // The worker holds the pipe open until it ends: 'close' comes after both.
    expect(await program.ended).toMatchObject({ signal: 'SIGKILL', out: 'worker is done\n' });
  });

  it('has workers that do so although they write to it before they hear of its end', async () => {
    const program = runProgram(`
      const cluster = require('node:cluster');
      cluster.setupPrimary({ exec: '-', execArgv: ['-e', \`
        const { proc, createLifecycle } = require('@lastcall/proc');
        const { ppid } = process;
        proc.setup({ wrapUpTimeMs: 50 });
        proc.onShutdown(({ reason }) => process.stdout.write(reason + '\\\\n'));
        createLifecycle().onShutdown(({ reason }) => process.stdout.write('also: ' + reason + '\\\\n'));
        process.send('up');
        while (process.ppid === ppid);
        process.send('to nobody');
        process.once('disconnect', () => process.send('to nobody either'));
      \`] });
      const worker = cluster.fork();
      worker.on('message', () => process.kill(process.pid, 'SIGKILL'));`);
    const { out, err, signal } = await program.ended;
    expect({ signal, err: err.match(/EPIPE|ERR_IPC_CHANNEL_CLOSED/) }).toEqual({
      signal: 'SIGKILL',
      err: null,
    });
    expect(out.split('\n').sort()).toEqual([
      '',
      'also: the cluster primary is gone',
      'the cluster primary is gone',
    ]);
  });
});

describe('an error of the channel of a cluster worker that has another cause', () => {
  it('is left to whoever listens, or to nobody', async () => {
    const program = runProgram(`
      const cluster = require('node:cluster');
      cluster.setupPrimary({ exec: '-', execArgv: ['-e', \`
        const { proc, createLifecycle } = require('@lastcall/proc');
        proc.onShutdown(() => {});
        createLifecycle().onShutdown(() => {});
        const { worker } = require('node:cluster');
        worker.once('error', ({ message }) => process.stdout.write('heard ' + message + '\\\\n'));
        process.emit('error', new Error('first'));
        process.emit('error', new Error('second'));
      \`] });
      cluster.fork().on('exit', (code) => { say('exit ' + code); process.exit(0); });`);
    const { out, err } = await program.ended;
    expect(out).toBe('heard first\nexit 1\n');
    expect(err).toContain('Error: second');
  });
});

describe('a worker thread', () => {
  it('has a lifecycle of its own, whose end ends the thread and not the process', async () => {
    const program = runProgram(`
      const { Worker } = require('node:worker_threads');
      const worker = new Worker(\`
        const { proc } = require('@lastcall/proc');
        proc.onShutdown(() => console.log('thread closed'));
        proc.shutdown('done');
        setInterval(() => {}, 1000);
      \`, { eval: true });
      worker.on('exit', (code) => { say('thread exit ' + code); process.exit(0); });`);
    const end = await program.ended;
    expect(end).toMatchObject({ code: 0, signal: null });
    expect(end.out).toContain('thread closed');
    expect(end.out).toContain('thread exit 0');
  });
});

describe('fatalErrors', () => {
  it.each([
    ['an uncaught exception', `setTimeout(() => { throw new Error('boom'); })`],
    ['an unhandled rejection', `Promise.reject(new Error('boom'))`],
  ])('stop the process with exit code 1: %s', async (_, statement) => {
    const program = runProgram(`
      proc.setup({ fatalErrors: true });
      proc.onShutdown(({ reason }) => say('closed'));
      ${statement};`);
    const end = await program.ended;
    expect(end).toMatchObject({ code: 1, signal: null, out: 'closed\n' });
    expect(end.err).toMatch(/lastcall: (uncaughtException|unhandledRejection): boom\n +at /);
  });
});

describe("an 'exit' handler that throws", () => {
  const throwing = `process.on('exit', () => { throw new Error('at the end'); }); proc.onShutdown(() => {});`;
  const stopping = `process.kill(process.pid, 'SIGTERM');`;
  const failing = `setTimeout(() => { throw new Error('boom'); });`;

  it.each([
    [{ fatalErrors: true, exit: 'signal' }, 'clearInterval(alive);', { code: 1, signal: null }],
    [{ fatalErrors: true, exit: 'signal' }, stopping, { code: null, signal: 'SIGTERM' }],
    [{ fatalErrors: true, exit: 'code' }, stopping, { code: 1, signal: null }],
    [{ fatalErrors: true, exit: 'code' }, failing, { code: 1, signal: null }],
    [{ fatalErrors: false, exit: 'signal' }, stopping, { code: null, signal: 'SIGTERM' }],
    [{ fatalErrors: false, exit: 'code' }, stopping, { code: 1, signal: null }],
  ])('is told, and keeps no process from its end: %j %s', async (settings, statement, expected) => {
    const end = await runProgram(
      `proc.setup(${JSON.stringify(settings)}); ${throwing} ${statement}`,
    ).ended;
    expect(end).toMatchObject(expected);
    const { fatalErrors } = settings;
    expect(end.err).toMatch(
      fatalErrors ? /uncaughtException: at the end/ : /by an 'exit' handler: Error: at the end/,
    );
    expect(end.err.match(/at the end/g)).toHaveLength(1);
  });
});

describe('signals in a process', () => {
  it('reload on SIGHUP through a channel', async () => {
    const program = runProgram(`
      const channel = signals.channel(1);
      signals.notify(channel, 'SIGHUP');
      (async () => { for await (const name of channel) say('reloaded by ' + name); })();
      say('up');`);
    await program.saw('up');
    program.kill('SIGHUP');
    await program.saw('reloaded by SIGHUP');
    program.kill('SIGKILL');
    expect((await program.ended).signal).toBe('SIGKILL');
  });

  it('can all be listened for, and reset() gives the defaults back', async () => {
    const program = runProgram(`
      clearInterval(alive);
      signals.notify((name) => say(name));
      process.kill(process.pid, 'SIGWINCH');
      setTimeout(() => { signals.reset(); process.kill(process.pid, 'SIGHUP'); }, 20);`);
    const end = await program.ended;
    expect(end.signal).toBe('SIGHUP');
    expect(end.out).toContain('SIGWINCH');
  });
});

describe('process.exit() during the stop', () => {
  it('by somebody else ends the process, but the report says so and what had not settled', async () => {
    const path = temporary('report.json');
    const program = runProgram(
      `const giveUp = () => process.exit(7);
       proc.onShutdown(() => { setTimeout(giveUp, 20); return never(); }, { name: 'pool' });
       process.kill(process.pid, 'SIGTERM');`,
      { env: { LASTCALL_REPORT: path } },
    );
    const end = await program.ended;
    expect(end).toMatchObject({ code: 7, signal: null });
    expect(end.err).toMatch(
      /process\.exit\(\) was called during the stop at \d+ ms; not settled: pool.*\n +at (Timeout\.)?giveUp/,
    );
    expect(readReport(path)).toMatchObject({
      forced: 'exit',
      ok: false,
      exit: { signal: null, code: 7 },
      listeners: [{ name: 'pool', outcome: 'late' }],
    });
  });

  it('by who is told of the forced end is told in the report, too', async () => {
    const path = temporary('report.json');
    const program = runProgram(
      `${quick}
      proc.events.on('forceQuit', () => process.exit(9));
      proc.onShutdown(never, { name: 'hung' });
      say('up');`,
      { env: { LASTCALL_REPORT: path } },
    );
    await program.saw('up');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ code: 9 });
    expect(readReport(path)).toMatchObject({
      forced: 'exit',
      exit: { signal: null, code: 9 },
      listeners: [{ name: 'hung', outcome: 'late' }],
    });
  });

  it('is not what an error that nothing caught is taken for', async () => {
    const program = runProgram(
      `proc.onShutdown(() => { setTimeout(() => { throw new Error('boom'); }); return never(); }, { name: 'pool' });
       process.kill(process.pid, 'SIGTERM');`,
    );
    const end = await program.ended;
    expect(end.err).toMatch(/Error: boom\n/);
    expect(end.err).toMatch(
      /, or an error was not caught at \d+ ms; not settled: pool.*\nlastcall: /,
    );
  });
});
