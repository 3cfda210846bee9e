import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { itWith, PID_NAMESPACES } from '../harness/needs';
import { runWatched } from './run-watched';

/** A stop that begins with SIGTERM and blocks the loop. The host's calls are said. */
const stop = (listener: string, onWaitOver: string, waitInMs = 800): string => `
  const { execSync } = require('node:child_process');
  const hammer = new AbortController();
  const watchdog = startWatchdog({ thresholdMs: 100, files }, {
    ...host,
    onHammerDue() { say('hammer'); hammer.abort(); },
    onWaitOver(block) { say('wait over in ' + block.stack[0].functionName); ${onWaitOver} },
  });
  process.on('exit', (code) => say('exit handler ' + code));
  process.on('SIGTERM', function listener() {
    watchdog.armStop({ hammerInMs: 300, waitInMs: ${waitInMs} });
    ${listener}
  });
  watchdog.ready.then(() => later(() => say('up')));`;

const SELF_KILL = `
  process.emit('exit', 143);
  process.removeAllListeners('SIGTERM');
  process.kill(process.pid, 'SIGTERM');`;

describe('a stop that blocks the loop', () => {
  it('ends by the signal it got, by the hand of the main thread', async () => {
    const program = runWatched(stop('while (true) {}', SELF_KILL, 4000));
    await program.saw('up');
    program.kill('SIGTERM');
    const { out, code, signal } = await program.ended;
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGTERM' });
    expect(out).toBe('up\nhammer\nwait over in listener\nexit handler 143\n');
    const texts = program.files().map((file) => readFileSync(file, 'utf8'));
    expect(texts.join()).toMatch(/The process is ended: the stop is out of time[\s\S]*listener \(/);
  });

  it('ends also where promises starve the loop', async () => {
    const program = runWatched(stop('(async () => { while (true) await null; })();', SELF_KILL));
    await program.saw('up');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ code: null, signal: 'SIGTERM' });
  });

  it('is told by the lines of its source', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'lastcall-watchdog-'));
    const map = { version: 3, sources: ['stop.ts'], names: [], mappings: 'AAUA' };
    const url = `data:application/json,${encodeURIComponent(JSON.stringify(map))}`;
    const file = join(dir, 'stop.js');
    writeFileSync(file, `exports.stop = () => { while (true) {} };\n//# sourceMappingURL=${url}`);
    const program = runWatched(stop(`require(${JSON.stringify(file)}).stop();`, SELF_KILL));
    await program.saw('up');
    program.kill('SIGTERM');
    await program.ended;
    const texts = program.files().map((path) => readFileSync(path, 'utf8'));
    const last = texts.find((text) => text.includes('The process is ended'));
    expect(last).toContain(`(${join(dir, 'stop.ts')}:11:1)`);
  });

  it('is killed when the host cannot end it', async () => {
    const program = runWatched(stop('while (true) {}', ''));
    await program.saw('up');
    program.kill('SIGTERM');
    const { out, signal } = await program.ended;
    expect(signal).toBe('SIGKILL');
    expect(out).toContain('wait over in listener');
  });

  it('is killed when the host itself hangs', async () => {
    const program = runWatched(stop('while (true) {}', 'while (true) {}'));
    await program.saw('up');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ signal: 'SIGKILL' });
  });

  it('says that a profile is lost where the host hangs while it saves one', async () => {
    const program = runWatched(
      stop('watchdog.noteProfile(true); while (true) {}', `say('saving'); while (true) {}`).replace(
        '{ thresholdMs: 100, files }',
        '{ thresholdMs: 100, files, announce: true }',
      ),
    );
    await program.saw('up');
    program.kill('SIGTERM');
    const { out, err, signal } = await program.ended;
    expect({ saves: out.includes('saving'), signal }).toEqual({ saves: true, signal: 'SIGKILL' });
    const lost = 'the stop is out of time; the profile that was running is lost';
    expect(err).toContain(`${lost} (LASTCALL_PROFILE_FAILED)`);
    const texts = program.files().map((file) => readFileSync(file, 'utf8'));
    expect(texts.join()).toContain(`The process is ended: ${lost} (LASTCALL_PROFILE_FAILED).`);
  });

  it('is not killed for the time in which it was suspended while it ended', async () => {
    const program = runWatched(
      stop(
        'while (true) {}',
        `say('ending');
        const used = () => process.cpuUsage().user + process.cpuUsage().system;
        for (const from = used(); used() - from < 100_000; );
        ${SELF_KILL}`,
      ),
    );
    await program.saw('up');
    program.kill('SIGTERM');
    await program.saw('ending');
    program.kill('SIGSTOP');
    // What is tested is that time goes by in which nothing of the process runs: more than the 2 s that it has for its end.
    await delay(2500);
    program.kill('SIGCONT');
    const { out, signal } = await program.ended;
    expect({ out, signal }).toEqual({
      out: 'up\nhammer\nwait over in listener\nending\nexit handler 143\n',
      signal: 'SIGTERM',
    });
  });

  it('is killed in native code, where nothing can be called', async () => {
    const program = runWatched(stop(`execSync('sleep 15');`, SELF_KILL));
    await program.saw('up');
    program.kill('SIGTERM');
    const { out, signal } = await program.ended;
    expect({ out, signal }).toEqual({ out: 'up\n', signal: 'SIGKILL' });
    expect(
      program
        .files()
        .map((file) => readFileSync(file, 'utf8'))
        .join(),
    ).toContain('native code');
  });

  it('goes on when the code that blocks looks at what the hammer aborts', async () => {
    const program = runWatched(
      stop(`while (!hammer.signal.aborted) {} say('gave up'); process.exit(0);`, SELF_KILL, 8000),
    );
    await program.saw('up');
    program.kill('SIGTERM');
    const { out, code } = await program.ended;
    expect({ out, code }).toEqual({ out: 'up\nhammer\ngave up\nexit handler 0\n', code: 0 });
  });

  it('is hammered in time also while a profile of the block is taken, which then has what there was', async () => {
    const program = runWatched(
      stop(
        `for (const end = Date.now() + 7000; !hammer.signal.aborted && Date.now() < end; ) {}
        say(hammer.signal.aborted ? 'gave up' : 'no hammer'); process.exit(0);`,
        SELF_KILL,
        8000,
      ).replace('{ thresholdMs: 100, files }', '{ thresholdMs: 100, profileMs: 10_000, files }'),
    );
    await program.saw('up');
    program.kill('SIGTERM');
    const { out } = await program.ended;
    expect(out).toBe('up\nhammer\ngave up\nexit handler 0\n');
    expect(program.files().some((file) => file.endsWith('.cpuprofile'))).toBe(true);
  });

  it('is left alone while the loop turns', async () => {
    const program = runWatched(
      stop(`setTimeout(() => { say('in time'); process.exit(0); }, 1500);`, SELF_KILL),
    );
    await program.saw('up');
    program.kill('SIGTERM');
    const { out, code } = await program.ended;
    expect({ out, code }).toEqual({ out: 'up\nin time\nexit handler 0\n', code: 0 });
  });

  itWith(['unshare', PID_NAMESPACES])(
    'ends even as PID 1, which SIGKILL of its own does not reach',
    async () => {
      const program = runWatched(
        `${stop('while (true) {}', '')} later(() => process.emit('SIGTERM'));`,
        { under: ['unshare', '--pid', '--fork', '--kill-child'] },
      );
      // unshare dies as its child did: by the breakpoint trap.
      expect(await program.ended).toMatchObject({ code: null, signal: 'SIGTRAP' });
    },
  );
});
