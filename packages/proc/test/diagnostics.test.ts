import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { Session } from 'node:inspector';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { runProgram as runBareProgram } from '../../../tools/run-program';
import type { DumpDocument } from '../src';
import { createTestLifecycle } from '../src/testing';
import { itWith, LINUX, nodeWith } from './harness/needs';
import { runProgram } from './run-program';

const directory = (): string => mkdtempSync(join(tmpdir(), 'lastcall-'));
const readJson = (dir: string, pattern: RegExp): unknown => {
  const file = readdirSync(dir).find((name) => pattern.test(name));
  if (file === undefined) throw new Error(`no ${pattern} in ${readdirSync(dir)}`);
  return JSON.parse(readFileSync(join(dir, file), 'utf8'));
};
/** Kind and extension of the profiles in a directory. */
const kindsIn = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => !name.includes('-block-'))
    .map((name) => name.replace(/^.*-(\w+)-\w+(\.\w+)$/, '$1$2'))
    .sort();
/** Says on stdout what happens to dumps and profiles. */
const tell = `
  const resolvers = [];
  const stuck = () => new Promise((resolve) => resolvers.push(resolve));
  for (const type of ['dump', 'profileStart', 'profileEnd'])
    proc.events.on(type, ({ reason, files = [] }) => say(type + ' ' + reason + ' ' + files.length));
  proc.events.on('warning', ({ error }) => say('warning ' + error.code));
`;

describe('a dump', () => {
  it('does not make the standard streams that nobody uses, nor count those that are', async () => {
    const program = runProgram(`
      proc.setup({ logger: false });
      const isMade = () => process._getActiveHandles().some(({ fd }) => fd === 1 || fd === 2);
      const kept = async () => {
        const { json } = await proc.dump({ awaits: 'never', write: false });
        return json.keepsAlive.PipeWrap ?? 0;
      };
      (async () => {
        const before = await kept();
        say('made: ' + isMade());
        process.stdout.write('', async () => {
          say('made by the program: ' + isMade() + ', kept alive by ' + ((await kept()) - before));
          process.exit();
        });
      })();`);
    const { out } = await program.ended;
    expect(out).toBe('made: false\nmade by the program: true, kept alive by 0\n');
  });
});

describe('worker threads', () => {
  it('are among what keeps the process alive, also those that Node lists nothing of', async () => {
    const program = runProgram(`
      const { Worker } = require('node:worker_threads');
      proc.setup({ logger: false });
      proc.install();
      const begin = () => new Worker('setInterval(() => {}, 1000)', { eval: true });
      const count = async () => {
        const { json } = await proc.dump({ awaits: 'never', write: false });
        const open = json.handles.groups.find(({ type }) => type === 'Worker');
        const { Worker: silent = 0, MessagePort: heard = 0 } = json.keepsAlive;
        return [open?.count ?? 0, silent, heard].join();
      };
      (async () => {
        say('none ' + (await count()));
        const silent = begin();
        say('silent ' + (await count()));
        const heard = begin().on('message', () => {});
        say('heard ' + (await count()));
        silent.unref();
        heard.unref();
        say('unref ' + (await count()));
        silent.ref();
        await silent.terminate();
        say('ended ' + (await count()));
        process.exit();
      })();`);
    const { out } = await program.ended;
    expect(out).toBe('none 0,0,0\nsilent 1,1,0\nheard 2,1,1\nunref 0,0,0\nended 0,0,0\n');
  });
});

describe('SIGUSR1', () => {
  it('writes a dump as text and as JSON, readable by the owner alone', async () => {
    const dir = directory();
    const program = runProgram(
      `${tell}
      proc.setup({ name: 'orders' });
      proc.onShutdown(() => {}, { name: 'pool' });
      proc.activities.begin({ kind: 'job', name: 'send invoices', owner: 'worker' });
      async function consume() { await stuck(); }
      consume();
      say('up');`,
      { env: { LASTCALL_DUMP_DIR: dir } },
    );
    await program.saw('up');
    program.kill('SIGUSR1');
    await program.saw('dump SIGUSR1 2');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ signal: 'SIGTERM' });
    const files = readdirSync(dir).sort();
    expect(files).toEqual([
      expect.stringMatching(
        new RegExp(`^orders-.+-${program.child.pid}-dump-\\d{8}T\\d{9}Z\\.json$`),
      ),
      expect.stringMatching(/\.txt$/),
    ]);
    for (const file of files) expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600);
    const text = readFileSync(join(dir, files[1] as string), 'utf8');
    expect(text).toContain('send invoices');
    expect(text).toContain('await consume');
    const dump = readJson(dir, /\.json$/) as DumpDocument;
    expect(dump).toMatchObject({
      schema: 'lastcall.dump/1',
      seq: 1,
      reason: 'SIGUSR1',
      process: { name: 'orders', pid: program.child.pid },
      lifecycle: { state: 'running', listeners: [{ name: 'pool', state: 'waiting' }] },
      activities: { counts: { job: 1 } },
      keepsAlive: { Timeout: expect.any(Number) },
      awaits: { status: 'complete' },
    });
    const names = dump.awaits.groups.flatMap(({ frames }) =>
      frames.map((frame) => frame.functionName),
    );
    expect(names).toContain('consume');
  });

  it('in a burst writes one dump, and harms nothing', async () => {
    const dir = directory();
    const program = runProgram(`${tell} proc.install(); say('up');`, {
      env: { LASTCALL_DUMP_DIR: dir },
    });
    await program.saw('up');
    for (let i = 0; i < 10; i += 1) program.kill('SIGUSR1');
    await program.saw('dump SIGUSR1 2');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ signal: 'SIGTERM' });
    expect(readdirSync(dir).length).toBeLessThanOrEqual(4);
  });

  it('tells during a stop which listener is waited for', async () => {
    const dir = directory();
    const program = runProgram(
      `${tell}
      // Nobody else wants the core, as far as estimates go: how busy this machine is must not matter.
      const core = require(${JSON.stringify(join(__dirname, '..', 'dist', 'await-sites', 'core-share'))});
      core.probeSlowdown = core.slowdownOf = () => 1;
      proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 60_000, waitTimeMs: 65_000 });
      proc.onShutdown(async function closePool() { say('closing'); await stuck(); }, { name: 'pool' });
      say('up');`,
      { env: { LASTCALL_DUMP_DIR: dir } },
    );
    await program.saw('up');
    program.kill('SIGTERM');
    await program.saw('closing');
    program.kill('SIGUSR1');
    await program.saw('dump SIGUSR1 2');
    program.kill('SIGTERM');
    await program.ended;
    const dump = readJson(dir, /\.json$/) as DumpDocument;
    expect(dump.lifecycle).toMatchObject({
      state: 'shutting-down',
      stage: 'resources',
      listeners: [{ name: 'pool', state: 'running' }],
    });
    expect(JSON.stringify(dump.awaits.groups)).toContain('closePool');
  });

  it('just before the end is answered all the same: the process waits for the dump', async () => {
    const dir = directory();
    const program = runProgram(
      `${tell}
      proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 20_000, waitTimeMs: 25_000 });
      proc.install();
      proc.events.on('signal', ({ signal, action }) => say(signal + ' ' + action));
      say('up');`,
      { env: { LASTCALL_DUMP_DIR: dir } },
    );
    await program.saw('up');
    program.kill('SIGUSR1');
    await program.saw('SIGUSR1 dump');
    program.kill('SIGTERM');
    const { err, signal } = await program.ended;
    expect(signal).toBe('SIGTERM');
    expect(err).toMatch(/SIGUSR1 received: a dump is made\n(.*\n)*.*telemetry dump +ok/);
    expect(readdirSync(dir)).toHaveLength(2);
    expect(readJson(dir, /\.json$/)).toMatchObject({
      lifecycle: { state: 'running', listeners: [] },
    });
  });

  it('goes to stderr where no file can be written', async () => {
    const program = runProgram(`${tell} proc.install(); say('up');`, {
      env: { LASTCALL_DUMP_DIR: '/proc/lastcall' },
    });
    await program.saw('up');
    program.kill('SIGUSR1');
    await program.saw('dump SIGUSR1 0');
    program.kill('SIGTERM');
    const { out, err, signal } = await program.ended;
    expect(signal).toBe('SIGTERM');
    expect(out).toContain('warning LASTCALL_DUMP_NOT_WRITTEN');
    expect(err).toContain('=== lastcall dump:');
    expect(err).toContain('=== end of dump 1');
  });

  it('does nothing, and kills nothing, once the handlers have left', async () => {
    const program = runProgram(`proc.install(); proc.uninstall();
      process.on('SIGHUP', () => { say('alive'); });
      say('up');`);
    await program.saw('up');
    program.kill('SIGUSR1');
    program.kill('SIGUSR2');
    program.kill('SIGHUP');
    await program.saw('alive');
    program.kill('SIGKILL');
    await program.ended;
  });

  // Node 20 refuses to start with the flag: there is nothing to tell.
  const FLAG = nodeWith('--disable-sigusr1', !process.versions.node.startsWith('20.'));
  itWith([FLAG])(
    'that Node keeps from the program is told at once, and another signal can be taken',
    async () => {
      const dir = directory();
      const program = runProgram(`${tell} proc.install(); say('up');`, {
        env: { NODE_OPTIONS: '--disable-sigusr1', LASTCALL_DUMP_DIR: dir },
      });
      await program.saw('warning LASTCALL_SIGNAL_DISABLED');
      program.kill('SIGTERM');
      await program.ended;
      const other = runProgram(`${tell} proc.install(); say('up');`, {
        env: {
          NODE_OPTIONS: '--disable-sigusr1',
          LASTCALL_DUMP_DIR: dir,
          LASTCALL_DUMP_SIGNAL: 'SIGQUIT',
        },
      });
      await other.saw('up');
      other.kill('SIGQUIT');
      await other.saw('dump SIGQUIT 2');
      other.kill('SIGTERM');
      expect((await other.ended).out).not.toContain('warning');
    },
  );

  // Only Linux tells which signals are blocked.
  itWith([FLAG, LINUX]).each([
    ['--disable_sigusr1', true],
    ['"--disable-sigusr1"', true],
    ['--disable-sigusr1 --no-disable-sigusr1', false],
    ['--permission --allow-fs-read=*', true],
  ])('that Node keeps from the program is known however it was said: %s', async (flags, isKept) => {
    const program = runProgram(`${tell} proc.install(); say('up');`, {
      env: { NODE_OPTIONS: flags },
    });
    await program.saw('up');
    program.kill('SIGTERM');
    const { out, err } = await program.ended;
    expect(out.includes('warning LASTCALL_SIGNAL_DISABLED')).toBe(isKept);
    expect(err.includes('because of --disable-sigusr1 or --permission')).toBe(isKept);
  });
});

describe('SIGUSR2', () => {
  it('begins a profile and ends it', async () => {
    const dir = directory();
    const program = runProgram(
      `${tell} proc.setup({ name: 'orders' }); proc.install();
      setInterval(function spin() { const end = Date.now() + 5; while (Date.now() < end); }, 10);
      say('up');`,
      { env: { LASTCALL_DUMP_DIR: dir } },
    );
    await program.saw('up');
    program.kill('SIGUSR2');
    await program.saw('profileStart SIGUSR2');
    program.kill('SIGUSR2');
    await program.saw('profileEnd SIGUSR2 3');
    program.kill('SIGTERM');
    await program.ended;
    expect(kindsIn(dir)).toEqual(['cpu.cpuprofile', 'heap.heapprofile', 'loop.json']);
    expect(readJson(dir, /\.cpuprofile$/)).toMatchObject({ nodes: expect.any(Array) });
  });

  it('leaves a profile that the stop of the process ends and writes', async () => {
    const dir = directory();
    const program = runProgram(
      `${tell} proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 5000, waitTimeMs: 6000 }); proc.install(); say('up');`,
      { env: { LASTCALL_DUMP_DIR: dir } },
    );
    await program.saw('up');
    program.kill('SIGUSR2');
    await program.saw('profileStart');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({
      signal: 'SIGTERM',
      out: expect.stringContaining('profileEnd stop 3'),
    });
    expect(readdirSync(dir)).toHaveLength(3);
  });

  /** Blocks the event loop in its shutdown, while a profile runs. */
  const blockedStop = (block: string): string => `${tell}
    const { execSync } = require('node:child_process');
    proc.setup({ name: 'orders', wrapUpTimeMs: 0, hammerTimeMs: 300, waitTimeMs: 900, watchdog: { thresholdMs: 100 } });
    proc.onShutdown(function blocks() { ${block} }, { name: 'pool' });
    say('up');`;

  it('leaves a profile that is written though the stop blocks the event loop until its end', async () => {
    const dir = directory();
    const program = runProgram(blockedStop('for (;;);'), { env: { LASTCALL_DUMP_DIR: dir } });
    await program.saw('up');
    program.kill('SIGUSR2');
    await program.saw('profileStart');
    program.kill('SIGTERM');
    const { err, signal } = await program.ended;
    expect(signal).toBe('SIGTERM');
    // Not stdout: it is a pipe, which nobody can flush any more.
    expect(err).toMatch(/profile of \d+ ms \(stop\): .*\n(.*\n)*lastcall: still alive/);
    expect(err).toMatch(/resources pool +late/);
    expect(err).not.toMatch(/profile +late/);
    expect(kindsIn(dir)).toEqual(['cpu.cpuprofile', 'heap.heapprofile', 'loop.json']);
    const { nodes } = readJson(dir, /-cpu-\w+\.cpuprofile$/) as {
      nodes: { callFrame: { functionName: string } }[];
    };
    expect(nodes.map(({ callFrame }) => callFrame.functionName)).toContain('blocks');
  });

  it('leaves a profile of which is said that it is lost where the stop is killed in native code', async () => {
    const dir = directory();
    const program = runProgram(blockedStop(`execSync('sleep 20');`), {
      env: { LASTCALL_DUMP_DIR: dir },
    });
    await program.saw('up');
    program.kill('SIGUSR2');
    await program.saw('profileStart');
    program.kill('SIGTERM');
    const { err, signal } = await program.ended;
    expect(signal).toBe('SIGKILL');
    expect(err).toMatch(
      /the stop is out of time; the profile that was running is lost \(LASTCALL_PROFILE_FAILED\); \S+\.txt\n$/,
    );
  });

  it('leaves a profile that is written also when a second signal ends the process at once', async () => {
    const dir = directory();
    const program = runProgram(
      `${tell} proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 50_000, waitTimeMs: 60_000 });
      proc.onShutdown(() => { say('closing'); return stuck(); }, { name: 'pool' });
      say('up');`,
      { env: { LASTCALL_DUMP_DIR: dir } },
    );
    await program.saw('up');
    program.kill('SIGUSR2');
    await program.saw('profileStart');
    program.kill('SIGTERM');
    await program.saw('closing');
    program.kill('SIGTERM');
    const { out, signal } = await program.ended;
    expect(signal).toBe('SIGTERM');
    expect(out).toContain('profileEnd stop 3');
    expect(kindsIn(dir)).toEqual(['cpu.cpuprofile', 'heap.heapprofile', 'loop.json']);
  });
});

describe('startProfile() and stopProfile()', () => {
  it('a profile that is only beginning when the process stops is ended and written, too', async () => {
    const dir = directory();
    const program = runProgram(
      `${tell} proc.setup({ wrapUpTimeMs: 0 });
      proc.startProfile().catch(({ code }) => say(code));
      process.kill(process.pid, 'SIGTERM');`,
      { env: { LASTCALL_DUMP_DIR: dir } },
    );
    const { out, signal } = await program.ended;
    expect(out).toContain('profileEnd stop 3');
    expect(signal).toBe('SIGTERM');
    expect(readdirSync(dir)).toHaveLength(3);
  });

  it.each([
    ['process.exit()', 'process.exit(3);', 3],
    ['an error that nothing catches', `throw new Error('boom');`, 1],
  ])(
    'a profile is written also where the process ends without a stop: by %s',
    async (_, end, code) => {
      const dir = directory();
      const program = runProgram(
        `proc.startProfile().then(() => setImmediate(() => { ${end} }));`,
        {
          env: { LASTCALL_DUMP_DIR: dir },
        },
      );
      expect(await program.ended).toMatchObject({ code, signal: null });
      expect(kindsIn(dir)).toEqual(['cpu.cpuprofile', 'heap.heapprofile', 'loop.json']);
    },
  );

  it('tell what was written, and that nothing runs', async () => {
    const dir = directory();
    const program = runProgram(
      `(async () => {
        say('none ' + await proc.stopProfile());
        await proc.startProfile({ kinds: ['cpu'], intervalMs: 1 });
        const second = await proc.startProfile().catch(({ code }) => code);
        const { files, durationMs } = await proc.stopProfile();
        say(second + ' ' + files.length + ' ' + (durationMs >= 0));
        process.exit();
      })();`,
      { env: { LASTCALL_DUMP_DIR: dir } },
    );
    const { out } = await program.ended;
    expect(out).toBe('none null\nLASTCALL_PROFILE_RUNNING 1 true\n');
    expect(readdirSync(dir)).toHaveLength(1);
  });
});

it('a directory that others may write to is not trusted: files go to a private one in it', async () => {
  const dir = directory();
  chmodSync(dir, 0o777);
  const program = runProgram(
    `proc.dump({ awaits: 'never' }).then(({ files }) => { say(files[0]); process.exit(); });`,
    {
      env: { LASTCALL_DUMP_DIR: dir },
    },
  );
  const { out } = await program.ended;
  expect(out).toMatch(new RegExp(`^${dir}/lastcall-\\d+/`));
});

describe('a process whose files can no longer be opened', () => {
  /** Runs when the code of dumps and profiles is loaded, which begins a second after the start. */
  const whenLoaded = `
    const isLoaded = () => Object.keys(require.cache).some((file) => file.endsWith('find-await-sites.js'));
    const loaded = setInterval(() => { if (isLoaded()) { clearInterval(loaded); whenLoaded(); } }, 20);`;

  it('dumps to stderr when it has used up its file descriptors', async () => {
    const dir = directory();
    const program = runProgram(
      `${tell} proc.install();
      const { openSync } = require('node:fs');
      const open = [];
      const whenLoaded = () => {
        try { for (;;) open.push(openSync('/dev/null')); } catch ({ code }) { say('up ' + code); }
      };
      async function leak() { await stuck(); }
      leak();${whenLoaded}`,
      { env: { LASTCALL_DUMP_DIR: dir }, under: ['sh', '-c', 'ulimit -n 200; exec "$@"', 'sh'] },
    );
    await program.saw('up EMFILE');
    program.kill('SIGUSR1');
    await program.saw('dump SIGUSR1 0');
    program.kill('SIGTERM');
    const { out, err, signal } = await program.ended;
    expect(signal).toBe('SIGTERM');
    expect(out).toContain('warning LASTCALL_DUMP_NOT_WRITTEN');
    expect(err).toContain('await leak');
    expect(err).not.toContain('0 MB are free');
    // Linux tells of memory in files.
    if (process.platform === 'linux') expect(err).toContain('how much is free cannot be found out');
    expect(err).toContain('=== end of dump 1');
  });

  it('dumps and profiles though a deploy has taken its code away', async () => {
    const dir = directory();
    const app = directory();
    const modules = join(app, 'node_modules');
    cpSync(join(__dirname, '..', 'dist'), join(modules, '@lastcall', 'proc', 'dist'), {
      recursive: true,
    });
    cpSync(
      join(__dirname, '..', 'package.json'),
      join(modules, '@lastcall', 'proc', 'package.json'),
    );
    const emitter = dirname(require.resolve('eventemitter3/package.json'));
    cpSync(emitter, join(modules, 'eventemitter3'), { recursive: true, dereference: true });
    // Without the copy that programs of tests have otherwise: its environment would be that of both.
    const program = runBareProgram(
      app,
      `const { proc } = require('@lastcall/proc');
      const say = (text) => process.stdout.write(text + '\\n');
      ${tell} proc.install();
      const whenLoaded = () => {
        require('node:fs').rmSync(${JSON.stringify(modules)}, { recursive: true });
        say('deployed');
      };${whenLoaded}
      setInterval(() => {}, 1000);`,
      { env: { LASTCALL_DUMP_DIR: dir } },
    );
    await program.saw('deployed');
    program.kill('SIGUSR1');
    await program.saw('dump SIGUSR1 2');
    program.kill('SIGUSR2');
    await program.saw('profileStart SIGUSR2');
    program.kill('SIGUSR2');
    await program.saw('profileEnd SIGUSR2 3');
    program.kill('SIGTERM');
    expect((await program.ended).signal).toBe('SIGTERM');
  });
});

describe('@lastcall/proc/register', () => {
  it.each(['--import', '--require'])(
    'with node %s takes the signals before the program begins',
    async (flag) => {
      const dir = directory();
      const program = runProgram(
        `proc.events.on('dump', () => say('dumped'));
      say('up');`,
        { env: { LASTCALL_DUMP_DIR: dir, NODE_OPTIONS: `${flag}=@lastcall/proc/register` } },
      );
      await program.saw('up');
      program.kill('SIGUSR1');
      await program.saw('dumped');
      program.kill('SIGTERM');
      expect(await program.ended).toMatchObject({
        signal: 'SIGTERM',
        err: expect.stringContaining('ends by SIGTERM'),
      });
    },
  );
});

describe('the watchdog', () => {
  const block = `function spin(ms) { const end = performance.now() + ms; while (performance.now() < end); }`;

  it('tells who blocked the event loop', async () => {
    const dir = directory();
    const program = runProgram(
      `proc.setup({ watchdog: { thresholdMs: 100 }, dumpDir: ${JSON.stringify(dir)} });
      ${block}
      proc.events.on('blocked', ({ block: { stack, isOver } }) => {
        if (stack.some(({ functionName }) => functionName === 'spin')) say('blocked by spin ' + isOver);
      });
      setInterval(() => spin(600), 700);`,
    );
    await program.saw('blocked by spin true');
    program.kill('SIGTERM');
    const { err } = await program.ended;
    expect(err).toMatch(/event loop blocked for \d+ ms by spin/);
    expect(readdirSync(dir).length).toBeGreaterThan(0);
  });

  it.each([true, false])(
    'says on stderr who blocks it while that lasts, with logger: %s',
    async (logger) => {
      const dir = directory();
      // Not from the begin: where starting takes so long, its block is the one that files are written of.
      const settings = { watchdog: { thresholdMs: 200 }, dumpDir: dir, logger };
      const program = runProgram(`
        const { readdirSync } = require('node:fs');
        const isWritten = () => readdirSync(proc.settings.dumpDir).some((name) => name.endsWith('.cpuprofile'));
        setTimeout(() => proc.setup(${JSON.stringify(settings)}), 100);
        setTimeout(function blocks() { while (!isWritten()); process.exit(); }, 800);`);
      const { err } = await program.ended;
      const line =
        /^lastcall: event loop blocked for .* by .*blocks \(.*\).*; \S+-block-\S+\.txt\n$/;
      expect(err).toMatch(logger ? line : /^$/);
    },
  );

  it('is not said to have seen no block where it cannot watch', async () => {
    const program = runProgram(`
      const { Worker } = require('node:worker_threads');
      const inWorker = \`
        const { proc } = require('@lastcall/proc');
        proc.setup({ logger: false, watchdog: { thresholdMs: 100 } });
        proc.dump({ awaits: 'never', write: false }).then(({ json, text }) =>
          require('node:fs').writeSync(1, JSON.stringify(json.watchdog) + text.match(/blocked.*/)));\`;
      new Worker(inWorker, { eval: true }).on('exit', () => process.exit());`);
    expect((await program.ended).out).toBe('nullnull');
  });

  it('does not take the time of a dump for a block', async () => {
    const program = runProgram(
      `proc.setup({ watchdog: { thresholdMs: 50 } });
      globalThis.heap = Array.from({ length: 50_000 }, (_, i) => ({ i, next: { i } }));
      const functions = ({ block: { stack, phase } }) =>
        phase === 'starting' ? [] : stack.map(({ functionName }) => functionName);
      proc.events.on('blocked', (event) => {
        say('blocked in ' + functions(event).join());
        if (!functions(event).includes('spin')) return;
        clearInterval(spinning);
        say('spin was seen');
      });
      let spinning;
      ${block}
      setTimeout(async () => {
        const { json } = await proc.dump({ awaits: 'always', write: false });
        say('stopped for ' + json.awaits.stats.pauseMs + ' ms');
        // Looking at one block, the watchdog rests for a while; on a busy machine it may come too late for one.
        spinning = setInterval(() => spin(500), 1500);
      }, 1000);`,
    );
    await program.saw('spin was seen');
    program.kill('SIGTERM');
    const { out } = await program.ended;
    expect(Number(out.match(/stopped for (\d+) ms/)?.[1])).toBeGreaterThan(100);
    expect(out).not.toMatch(/blocked in .*(takeSnapshot|searchHeap|readHeap)/);
  });

  it.each(['signal', 'code'])(
    'ends a process in time whose shutdown listener never returns, with exit: %s',
    async (exit) => {
      const path = join(directory(), 'report.json');
      const program = runProgram(
        `proc.setup({
          wrapUpTimeMs: 0, hammerTimeMs: 600, waitTimeMs: 1200, exit: '${exit}', watchdog: { thresholdMs: 100 },
        });
        process.on('exit', (code) => say('exit handler ' + code));
        proc.onShutdown(function stuck() { say('stuck'); for (;;); }, { name: 'pool' });
        setTimeout(() => say('up'), 300);`,
        { env: { LASTCALL_REPORT: path } },
      );
      await program.saw('up');
      program.kill('SIGTERM');
      const end = await program.ended;
      expect(end).toMatchObject(exit === 'signal' ? { signal: 'SIGTERM' } : { code: 1 });
      expect(end.out).toContain('exit handler');
      expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
        forced: 'waitTimeMs',
        listeners: [{ name: 'pool', outcome: 'late' }],
      });
    },
  );

  it("kills no process with exit: 'none', however late its stop is, in native code", async () => {
    const program = runProgram(
      `proc.setup({
        wrapUpTimeMs: 0, hammerTimeMs: 300, waitTimeMs: 600, exit: 'none', watchdog: { thresholdMs: 100 },
      });
      proc.onShutdown(({ signal }) => {
        const since = Date.now();
        while (!signal.aborted && Date.now() - since < 6000);
        require('node:child_process').execSync('sleep 2');
        say(signal.aborted ? 'hammered' : 'never hammered');
      }, { name: 'pool' });
      setTimeout(() => proc.shutdown().then(({ forced }) => { say('forced: ' + forced); process.exit(7); }), 300);`,
    );
    const { out, code, signal } = await program.ended;
    expect({ out, code, signal }).toEqual({
      out: 'hammered\nforced: waitTimeMs\n',
      code: 7,
      signal: null,
    });
  });

  it('is asked for by an environment variable, and bad options are refused', async () => {
    const program = runProgram(
      `try { proc.setup({ watchdog: { thresholdMs: 1 } }); } catch ({ code }) { say(code); }
      try { proc.setup({ watchdog: { threshold: 100 } }); } catch ({ code }) { say(code); }
      say(JSON.stringify(proc.settings.watchdog));
      proc.dump({ awaits: 'never', write: false }).then(({ json }) => {
        say(JSON.stringify(json.watchdog));
        process.exit();
      });`,
      { env: { LASTCALL_WATCHDOG_MS: '250' } },
    );
    const { out } = await program.ended;
    const [first, second, setting, record] = out.split('\n');
    expect([first, second]).toEqual(['LASTCALL_BAD_OPTION', 'LASTCALL_BAD_OPTION']);
    expect(setting).toBe('{"thresholdMs":250}');
    expect(JSON.parse(record as string)).toMatchObject({ thresholdMs: 250, blocks: 0 });
  });
});

describe('under nodemon', () => {
  // Only Linux tells a process who its parent is.
  itWith([LINUX])('SIGUSR2 is a stop: nodemon waits for the end', async () => {
    const nodemon = join(directory(), 'nodemon.js');
    writeFileSync(
      nodemon,
      `const [file, ...args] = process.argv.slice(2);
      require('node:child_process').spawn(file, args, { stdio: 'inherit' });`,
    );
    const program = runProgram(
      `proc.setup({ wrapUpTimeMs: 0 });
      proc.onShutdown(() => say('closed'), { name: 'pool' });
      say('pid ' + process.pid + '.');`,
      { under: [process.execPath, nodemon] },
    );
    await program.saw('.');
    const out = new Promise<string>((resolve) => {
      program.child.stdout?.once('data', resolve);
    });
    const pid = Number(
      readFileSync(`/proc/${program.child.pid}/task/${program.child.pid}/children`, 'utf8'),
    );
    process.kill(pid, 'SIGUSR2');
    expect(await out).toContain('closed');
    expect((await program.ended).err).toContain('ends by SIGUSR2');
  });

  it('an own profileSignal is a profile all the same', async () => {
    const { lifecycle, events, kill } = createTestLifecycle(
      { profileSignal: 'SIGHUP' },
      { isUnderNodemon: true },
    );
    lifecycle.onShutdown(() => {}, { name: 'pool' });
    kill('SIGHUP');
    expect(lifecycle.state).toBe('running');
    expect(events).not.toContainEqual(expect.objectContaining({ type: 'signal' }));
    expect(await lifecycle.stopProfile()).not.toBeNull();
  });
});

it('the test kit dumps a process that does not exist', async () => {
  const { events, environment, kill, lifecycle } = createTestLifecycle({ dumpDir: '/dumps' });
  lifecycle.install();
  const dumped = new Promise((resolve) => lifecycle.events.once('dump', resolve));
  kill('SIGUSR1');
  await dumped;
  expect(events.find(({ type }) => type === 'dump')).toMatchObject({ reason: 'SIGUSR1', seq: 1 });
  expect([...environment.files.keys()]).toEqual([
    expect.stringMatching(/^\/dumps\/fake-.*\.txt$/),
    expect.stringMatching(/^\/dumps\/fake-.*\.json$/),
  ]);
});

it('the test kit profiles a process that does not exist, and not the one that runs the tests', async () => {
  const { clock, environment, events, kill, lifecycle } = createTestLifecycle({
    dumpDir: '/dumps',
  });
  const record = jest.spyOn(Session.prototype, 'post');
  lifecycle.install();
  kill('SIGUSR2');
  await clock.advance(60_000);
  expect(events.filter(({ type }) => type.startsWith('profile'))).toMatchObject([
    { type: 'profileStart', reason: 'SIGUSR2', kinds: ['cpu', 'heap', 'loop'] },
    { type: 'profileEnd', reason: 'maxMs', durationMs: 60_000 },
  ]);
  expect([...environment.files.keys()].map((path) => extname(path))).toEqual([
    '.cpuprofile',
    '.heapprofile',
    '.json',
  ]);
  expect(record).not.toHaveBeenCalled();
  expect(clock.pending).toBe(0);
});
