import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAJOR_VERSION } from '../src/singleton';
import { runProgram } from './run-program';

const packageFolder = join(__dirname, '..');

/** Installs a second copy of what ships, as a duplicate in node_modules would be; its major version may differ. */
function installCopy(major = MAJOR_VERSION): string {
  const folder = mkdtempSync(join(tmpdir(), 'lastcall-copy-'));
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  cpSync(join(packageFolder, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(packageFolder, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(packageFolder, 'node_modules', 'eventemitter3'), join(modules, 'eventemitter3'));
  replaceIn(
    join(folder, 'dist', 'singleton.js'),
    `MAJOR_VERSION = ${MAJOR_VERSION}`,
    `MAJOR_VERSION = ${major}`,
  );
  replaceIn(join(folder, 'dist', 'index.js'), `.v${MAJOR_VERSION}'`, `.v${major}'`);
  return folder;
}

function replaceIn(file: string, text: string, by: string): void {
  const before = readFileSync(file, 'utf8');
  if (!before.includes(text)) throw new Error(`${file} does not have ${text}`);
  writeFileSync(file, before.replaceAll(text, by));
}

it('names its major version as package.json does', () => {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
    version: string;
  };
  expect(MAJOR_VERSION).toBe(Number(version.split('.')[0]));
});

describe('two copies of the package', () => {
  it('are different modules with one lifecycle, one set of handlers and one error class', async () => {
    const program = runProgram(`
      const other = require('${installCopy()}');
      say(JSON.stringify({
        modules: other.createLifecycle !== createLifecycle,
        proc: other.proc === proc,
        signals: other.signals === signals,
        key: globalThis[Symbol.for('@lastcall/proc.v${MAJOR_VERSION}')] === proc,
        signalsKey: globalThis[Symbol.for('@lastcall/proc.signals.v${MAJOR_VERSION}')] === signals,
        error: new other.LastcallError('LASTCALL_STOPPING', 'x') instanceof LastcallError,
      }));
      proc.onShutdown(() => say('ours'), { name: 'ours' });
      other.proc.onShutdown(() => say('theirs'), { name: 'theirs' });
      say('handlers ' + process.listenerCount('SIGTERM'));
      process.kill(process.pid, 'SIGTERM');`);
    const { out, signal } = await program.ended;
    const [facts, ...rest] = out.trim().split('\n');
    expect(JSON.parse(facts ?? '')).toEqual({
      modules: true,
      proc: true,
      signals: true,
      key: true,
      signalsKey: true,
      error: true,
    });
    expect(rest).toEqual(['handlers 1', 'ours', 'theirs']);
    expect(signal).toBe('SIGTERM');
  });

  it('of different major versions both do their work before the process dies by the signal', async () => {
    const program = runProgram(`
      const other = require('${installCopy(MAJOR_VERSION + 1)}');
      say(String(other.proc !== proc));
      proc.onShutdown(() => say('quick'), { name: 'ours' });
      other.proc.onShutdown(() => new Promise((resolve) => setTimeout(() => { say('slow'); resolve(); }, 100)));
      process.kill(process.pid, 'SIGTERM');`);
    const { out, signal } = await program.ended;
    expect({ out, signal }).toEqual({ out: 'true\nquick\nslow\n', signal: 'SIGTERM' });
  });
});

it('several lifecycles in a process each finish before the last one ends it', async () => {
  const program = runProgram(`
    const other = createLifecycle({ exit: 'code' });
    proc.setup({ exit: 'code' });
    proc.onShutdown(() => { throw new Error('broken'); });
    other.onShutdown(() => new Promise((resolve) => setTimeout(() => { say('slow'); resolve(); }, 100)));
    process.kill(process.pid, 'SIGTERM');`);
  expect(await program.ended).toMatchObject({ out: 'slow\n', code: 1 });
});

it('a lifecycle that is forced to its end leaves another one the time it has', async () => {
  const program = runProgram(`
    const short = createLifecycle({ wrapUpTimeMs: 0, hammerTimeMs: 20, waitTimeMs: 40 });
    short.onShutdown(never, { name: 'stuck' });
    const forced = new Promise((resolve) => short.events.on('report', resolve));
    proc.onShutdown(async () => {
      const report = await forced;
      await new Promise((resolve) => setTimeout(resolve, 50));
      say('slow, after ' + report.report.forced);
    });
    process.kill(process.pid, 'SIGTERM');`);
  expect(await program.ended).toMatchObject({ out: 'slow, after waitTimeMs\n', signal: 'SIGTERM' });
});

it('importing does nothing observable, and leaves the handlers of others alone', async () => {
  const program = runProgram(`
    clearInterval(alive);
    const before = process.eventNames().filter((name) => String(name).startsWith('SIG'));
    const theirs = () => {};
    process.on('SIGTERM', theirs);
    const registration = proc.onShutdown(() => {});
    const during = process.listenerCount('SIGTERM');
    registration.remove();
    say(JSON.stringify([before, during, process.listeners('SIGTERM').length, process.listeners('SIGTERM')[0] === theirs]));
    process.off('SIGTERM', theirs);`);
  expect(await program.ended).toMatchObject({ code: 0, out: '[[],2,1,true]\n', err: '' });
});
