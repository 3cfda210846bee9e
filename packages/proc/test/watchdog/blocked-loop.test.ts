import { readFileSync } from 'node:fs';
import { blocksOf, placeOf, runWatched } from './run-watched';

const places = (
  block: { stack: readonly { file: string; line: number }[] } | undefined,
): string[] => (block?.stack ?? []).map(({ file, line }) => `${file}:${line}`);

const block = (culprit: string, before = ''): string => `${before}
  const watchdog = startWatchdog({ thresholdMs: 100, files }, {
    ...host,
    onBlocked: (block) => { host.onBlocked(block); if (block.stack.length > 0) process.exit(); },
  });
  watchdog.ready.then(() => later(() => culprits.${culprit}(dir)));`;

describe('a blocked loop', () => {
  it.each(['loop', 'counting', 'promises', 'regex', 'atomics'])(
    'of JavaScript has the line that blocks it: %s',
    async (culprit) => {
      const { out } = await runWatched(block(culprit)).ended;
      const [found] = blocksOf(out);
      expect(places(found)).toContain(placeOf(culprit));
      expect(found).toMatchObject({ phase: 'running', isOver: true, stackPrecision: 'exact' });
    },
  );

  it.each([
    ['json', `globalThis.giant = '[' + '{"a":[1,2,3],"b":"xxxxxxxxxx"},'.repeat(25e5) + '1]';`],
    ['pbkdf2', `require('node:crypto');`],
    ['exec', `require('node:child_process');`],
  ])('of native code that returns has the line that called it: %s', async (culprit, before) => {
    const { out } = await runWatched(block(culprit, before)).ended;
    const found = blocksOf(out).find(({ stack }) => stack.length > 0);
    expect(places(found)).toContain(placeOf(culprit));
    expect(found).toMatchObject({ isOver: true, stackPrecision: 'late' });
  });

  it('by a function whose name holds a line of its own, or a command to the terminal, is told without', async () => {
    const { out } = await runWatched(`
      const odd = { ['a\\n\\u001b[31mlastcall: b']: () => culprits.loop(dir) };
      const watchdog = startWatchdog({ thresholdMs: 100, files }, {
        ...host,
        onBlocked: (block) => { host.onBlocked(block); if (block.stack.length > 0) process.exit(); },
      });
      watchdog.ready.then(() => later(Object.values(odd)[0]));`).ended;
    const [found] = blocksOf(out);
    expect(found?.stack).toContainEqual(
      expect.objectContaining({ functionName: 'a\uFFFD\uFFFD[31mlastcall: b' }),
    );
  });

  it('of native code leaves a text that says why there is no profile of it', async () => {
    const program = runWatched(
      `const { execSync } = require('node:child_process');
      const onBlocked = (block) => { host.onBlocked(block); if (block.nativeState !== null) process.exit(); };
      startWatchdog({ thresholdMs: 100, files }, { ...host, onBlocked }).ready.then(() =>
        later(function waits() {
          execSync('sleep 2');
          for (const end = Date.now() + 5; Date.now() < end; );
        }));`,
    );
    const { out } = await program.ended;
    const block = blocksOf(out).find(({ nativeState }) => nativeState !== null);
    expect(block).toMatchObject({ nativeState: 'waiting', profile: null });
    const [text = ''] = block?.files ?? [];
    expect(readFileSync(text, 'utf8')).toMatch(
      /native code that waits[\s\S]*\nNative code cannot be profiled: /,
    );
    expect(program.files()).not.toContainEqual(expect.stringMatching(/cpuprofile$/));
  });

  it('is looked at again soon after one in native code, where looking costs the main thread nothing', async () => {
    const { out } = await runWatched(`
      const { execSync } = require('node:child_process');
      let runs = 0;
      const blocks = () => {
        say('run');
        execSync('sleep 0.8');
        if (++runs < 3) setTimeout(blocks, 3000);
        else setTimeout(() => process.exit(), 500);
      };
      startWatchdog({ thresholdMs: 100, profileMs: 0 }, host).ready.then(() => later(blocks));`)
      .ended;
    const [, first, ...next] = out.split('run\n');
    const isSeen = (text = ''): boolean =>
      blocksOf(text).some(({ stack }) =>
        stack.some(({ functionName }) => functionName === 'blocks'),
      );
    expect(isSeen(first)).toBe(true);
    expect(next.some(isSeen)).toBe(true);
  });

  it('is looked at also where it begins in the rest after an earlier one', async () => {
    const { err } = await runWatched(`
      const cell = new Int32Array(new SharedArrayBuffer(4));
      const nap = (ms) => { const end = Date.now() + ms; while (Date.now() < end) Atomics.wait(cell, 0, 0, 5); };
      const onBlocked = ({ stack }) => {
        if (!stack.some(({ functionName }) => functionName === 'first')) return;
        setImmediate(function second() { nap(5000); process.exit(); });
      };
      startWatchdog({ thresholdMs: 100, files, announce: true, profileMs: 0 }, { ...host, onBlocked })
        .ready.then(() => setInterval(function first() { nap(500); }, 600));`).ended;
    expect(err).toMatch(/event loop blocked for [\d.]+ m?s so far by .*second \(/);
  });

  it('is seen also where it begins in the turn in which a dump ends, whose own time is not counted', async () => {
    const { out } = await runWatched(`
      const watchdog = startWatchdog({ thresholdMs: 100 }, {
        ...host, onBlocked: (block) => { host.onBlocked(block); process.exit(); },
      });
      const nap = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      watchdog.ready.then(() => later(() => {
        const endExcuse = watchdog.excuse();
        (function dump() { nap(1000); })();
        endExcuse();
        const end = Date.now() + 5000;
        (function program() { while (Date.now() < end) nap(5); })();
        setTimeout(() => process.exit(), 2000);
      }));`).ended;
    const blocks = blocksOf(out);
    expect(blocks.map(({ stack }) => stack.map(({ functionName }) => functionName))).toEqual([
      expect.arrayContaining(['program']),
    ]);
  });

  it('leaves the process as text while it lasts, with a profile', async () => {
    const program = runWatched(`
      const { readdirSync, existsSync } = require('node:fs');
      const isWritten = () => existsSync(dir) && readdirSync(dir).some((name) => name.endsWith('.cpuprofile'));
      startWatchdog({ thresholdMs: 100, files, announce: true, profileMs: 1000 }, host).ready.then(() =>
        later(function blocks() { while (!isWritten()) {} say('seen while blocked'); process.exit(); }));`);
    const { out, err } = await program.ended;
    expect(out).toBe('seen while blocked\n');
    expect(err).toMatch(/lastcall: event loop blocked for .* so far by .*blocks \(/);
    const profile = program.files().find((file) => file.endsWith('.cpuprofile')) ?? '';
    // The one of the profile: on a busy machine the start is a block of its own.
    const text = profile.replace(/\.cpuprofile$/, '.txt');
    expect(readFileSync(text, 'utf8')).toMatch(/has been blocked for .*running[\s\S]*blocks \(/);
    const { nodes } = JSON.parse(readFileSync(profile, 'utf8'));
    // Not 'blocks': V8 may leave out a function that ran already when the profile began.
    expect(
      nodes.map((node: { callFrame: { functionName: string } }) => node.callFrame.functionName),
    ).toContain('existsSync');
  });

  const SEEN = `
    const { existsSync, readFileSync } = require('node:fs');
    const { basename, join } = require('node:path');
    const textsOf = (name) => !existsSync(dir) ? [] : require('node:fs').readdirSync(dir)
      .filter((file) => file.endsWith('.txt')).map((file) => join(dir, file))
      .filter((file) => readFileSync(file, 'utf8').includes(' ' + name + ' ('));
    const spin = (ms, isDone = () => false) => { const end = Date.now() + ms; while (Date.now() < end && !isDone()) {} };`;

  it('has files soon after another one, once it lasts much longer', async () => {
    const { out } = await runWatched(`${SEEN}
      const hasBoth = () => textsOf('longer').some((file) => existsSync(file.replace(/txt$/, 'cpuprofile')));
      const onBlocked = ({ files, stack }) => {
        if (!stack.some(({ functionName }) => functionName === 'short') || files.length === 0) return;
        clearInterval(shorts);
        setImmediate(function longer() { spin(20000, hasBoth); say('longer ' + hasBoth()); process.exit(); });
      };
      let shorts;
      startWatchdog({ thresholdMs: 100, files, profileMs: 200 }, { ...host, onBlocked })
        .ready.then(() => { shorts = setInterval(function short() { spin(500); }, 600); });`).ended;
    expect(out).toContain('longer true');
  });

  it('has files soon after a slow start, however long that was', async () => {
    const { out } = await runWatched(`${SEEN}
      startWatchdog({ thresholdMs: 100, files, profileMs: 0 }, host).ready.then(() => later(function next() {
        spin(3000, () => textsOf('next').length > 0);
        say('next ' + textsOf('next').length);
        process.exit();
      }));
      (function start() { spin(20000, () => textsOf('start').length > 0); spin(4000); })();`).ended;
    expect(out).toContain('next 1');
  });

  it('is one of the start while the loop has not turned', async () => {
    const { out } = await runWatched(`
      startWatchdog({ thresholdMs: 100, files }, {
        ...host, onBlocked: (block) => { host.onBlocked(block); process.exit(); },
      });
      culprits.loop(dir);`).ended;
    expect(blocksOf(out)[0]).toMatchObject({ phase: 'starting' });
  });

  it('counts', async () => {
    const { out } = await runWatched(`
      const watchdog = startWatchdog({ thresholdMs: 100, profileMs: 0 }, {
        ...host,
        onBlocked(block) {
          if (watchdog.counts.blocks < 2) return later(culprits.atomics);
          const { counts, last } = watchdog;
          say(JSON.stringify({ blocks: counts.blocks, isLast: last === block, isSum: counts.totalMs > counts.longestMs }));
          process.exit();
        },
      });
      watchdog.ready.then(() => later(culprits.atomics));`).ended;
    expect(JSON.parse(out)).toEqual({ blocks: 2, isLast: true, isSum: true });
  });
});

describe('no blocked loop', () => {
  it('is a process that was suspended', async () => {
    const program = runWatched(`
      startWatchdog({ thresholdMs: 500 }, host).ready.then(() => {
        const stopped = Date.now();
        let last = stopped;
        const tick = setInterval(() => {
          const gap = Date.now() - last;
          last = Date.now();
          if (gap < 1500) return;
          clearInterval(tick);
          say('was away');
          setTimeout(() => process.exit(), 1000);
        }, 50);
        later(() => say('up'));
      });`);
    await program.saw('up');
    program.kill('SIGSTOP');
    // Not a wait for something to happen: the length of the suspension.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    program.kill('SIGCONT');
    const { out } = await program.ended;
    expect(out).toBe('up\nwas away\n');
  });

  it('is a process at a breakpoint, and who debugs it is left alone', async () => {
    const { out } = await runWatched(`
      const { Worker } = require('node:worker_threads');
      const debuggers = \`
        const { Session } = require('node:inspector');
        const { parentPort } = require('node:worker_threads');
        const { writeSync } = require('node:fs');
        const session = new Session();
        session.connectToMainThread();
        let isHeld = false;
        const release = () => {
          isHeld = false;
          writeSync(1, 'released\\\\n');
          session.post('Debugger.resume', () => { session.disconnect(); parentPort.postMessage('released'); });
        };
        // Not a wait for something to happen: for how long a person looks at the breakpoint.
        session.once('Debugger.paused', () => { isHeld = true; setTimeout(release, 3500); });
        session.on('Debugger.resumed', () => { if (isHeld) writeSync(1, 'somebody else let it go\\\\n'); });
        session.post('Debugger.enable', () => session.post('Debugger.pause'));
        parentPort.on('message', () => {});
      \`;
      startWatchdog({ thresholdMs: 1000 }, host).ready.then(() => {
        // What the watchdog has to tell comes within its next looks.
        new Worker(debuggers, { eval: true }).on('message', () => setTimeout(() => process.exit(), 1000));
        setInterval(() => {}, 20);
      });`).ended;
    expect(out).toBe('released\n');
  });
});
