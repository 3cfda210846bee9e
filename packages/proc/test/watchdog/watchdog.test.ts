import { startWatchdog } from '../../src/watchdog/start-watchdog';
import { runWatched } from './run-watched';

const host = { onBlocked: () => {}, onFailed: () => {} };

describe('startWatchdog()', () => {
  it.each([
    [{}, 'thresholdMs'],
    [{ thresholdMs: 49 }, 'thresholdMs'],
    [{ thresholdMs: Number.NaN }, 'thresholdMs'],
    [{ thresholdMs: 100, profileMs: -1 }, 'profileMs'],
    [{ thresholdMs: 100, intervalMs: 0 }, 'intervalMs'],
    [{ thresholdMs: 100, announce: 1 }, 'announce'],
    [{ thresholdMs: 100, files: null }, 'files'],
    [{ thresholdMs: 100, files: { dir: '/tmp' } }, 'files'],
    [{ thresholdMs: 100, treshold: 1 }, 'treshold'],
    [null, 'object'],
  ])('refuses %j', (options, named) => {
    const start = (): unknown => startWatchdog(options as never, host);
    expect(start).toThrow(expect.objectContaining({ code: 'LASTCALL_BAD_OPTION' }));
    expect(start).toThrow(named);
  });

  it('does not keep the process alive', async () => {
    const { out, code } = await runWatched(`
      startWatchdog({ thresholdMs: 100 }, host).ready.then(() => say('ready'));
      later(() => clearInterval(alive));`).ended;
    expect(code).toBe(0);
    expect(out).not.toContain('failed');
  });

  it('stops watching when closed, as often as one likes', async () => {
    const { out, code } = await runWatched(`
      const watchdog = startWatchdog({ thresholdMs: 100 }, host);
      watchdog.ready.then(async () => {
        watchdog.close();
        watchdog.close();
        watchdog.armStop({ hammerInMs: 0, waitInMs: 0 });
        culprits.atomics();
        clearInterval(alive);
      });`).ended;
    expect({ out, code }).toEqual({ out: '', code: 0 });
  });

  it('says once that its thread has died, and the process lives on', async () => {
    const { out, code } = await runWatched(`
      const { Worker } = require('node:worker_threads');
      const started = [];
      const { postMessage } = Worker.prototype;
      const watchdog = startWatchdog({ thresholdMs: 100 }, host);
      watchdog.ready.then(() => {
        // What it does not understand makes it fail.
        Worker.prototype.postMessage = function () { postMessage.call(this, null); };
        watchdog.armStop({ hammerInMs: 1, waitInMs: 2 });
        setTimeout(() => process.exit(0), 1000);
      });`).ended;
    expect(code).toBe(0);
    expect(out.match(/failed LASTCALL_WATCHDOG_DIED/g)).toHaveLength(1);
  });

  it('says that it cannot work in a worker', async () => {
    const { out } = await runWatched(`
      const { Worker } = require('node:worker_threads');
      const inWorker = \`
        const { startWatchdog } = require('./dist/watchdog/start-watchdog.js');
        startWatchdog({ thresholdMs: 100 }, {
          onBlocked() {}, onFailed: (error) => require('node:fs').writeSync(1, error.code),
        });\`;
      new Worker(inWorker, { eval: true }).on('exit', () => process.exit());`).ended;
    expect(out).toBe('LASTCALL_WATCHDOG_UNAVAILABLE');
  });

  it('says that it cannot work without permission, and does not crash', async () => {
    const flag = process.version.startsWith('v20.') ? '--experimental-permission' : '--permission';
    const source = `require('./dist/watchdog/start-watchdog.js').startWatchdog({ thresholdMs: 100 }, {
      onBlocked() {}, onFailed: (error) => console.log(error.code) })`;
    const { out, code } = await runWatched('', {
      under: [process.execPath, flag, '--allow-fs-read=*', '--allow-worker', '-e', source, '--'],
    }).ended;
    expect({ out, code }).toEqual({ out: 'LASTCALL_WATCHDOG_UNAVAILABLE\n', code: 0 });
  });

  it('works several times in one process', async () => {
    const { out } = await runWatched(`
      let seen = 0;
      const twice = { ...host, onBlocked: (block) => { say(block.stack[0].functionName); if (++seen === 2) process.exit(); } };
      const all = [startWatchdog({ thresholdMs: 100 }, twice), startWatchdog({ thresholdMs: 300 }, twice)];
      Promise.all(all.map(({ ready }) => ready)).then(() => later(culprits.atomics));`).ended;
    expect(out).toBe('atomics\natomics\n');
  });
});
