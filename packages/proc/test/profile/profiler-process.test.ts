import { join } from 'node:path';
import { type ProgramEnd, runProgram } from '../../../../tools/run-program';

const PACKAGE = join(__dirname, '../..');

const PREAMBLE = `
  const { Profiler } = require('./dist/profile/profiler');
  const profiler = new Profiler();
  const say = (value) => console.log(JSON.stringify(value));
  const summary = (profiles) => ({
    recorded: ['cpu', 'heap', 'loop'].filter((kind) => profiles[kind] !== null),
    missing: profiles.missing.map(({ kind, error }) => kind + ' ' + error.code),
  });`;

function run(source: string, flags: readonly string[] = []): Promise<ProgramEnd> {
  const under = ['sh', '-c', 'node=$0; exec "$node" $FLAGS "$@"'];
  return runProgram(PACKAGE, PREAMBLE + source, { under, env: { FLAGS: flags.join(' ') } }).ended;
}

const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

describe('the profiler of a real process', () => {
  it('does not keep it alive', async () => {
    const end = await run(`
      profiler.start().then(() => say('started'));
      process.on('exit', () => say(profiler.state));`);
    expect(end).toMatchObject({ code: 0, signal: null, out: '"started"\n"running"\n', err: '' });
  });

  it('leaves the process as it was', async () => {
    const end = await run(`
      const { deepStrictEqual } = require('node:assert');
      say('up');
      const state = () => ({ listeners: process.eventNames(), resources: process.getActiveResourcesInfo() });
      const before = state();
      profiler.start()
        .then(() => profiler.stop())
        .then(() => deepStrictEqual(state(), before))
        .then(() => say('same'));`);
    expect(end).toMatchObject({ code: 0, out: '"up"\n"same"\n', err: '' });
  });

  it('works in a worker thread', async () => {
    const end = await run(`
      const { Worker } = require('node:worker_threads');
      const source = ${JSON.stringify(
        `${PREAMBLE} profiler.start().then(() => profiler.stop()).then((profiles) => say(summary(profiles)));`,
      )};
      new Worker(source, { eval: true });`);
    expect(JSON.parse(end.out)).toEqual({ recorded: ['cpu', 'heap', 'loop'], missing: [] });
  });

  it('does what the permission model lets it, and says what is missing', async () => {
    const { out } = await run(
      `
      const { startCpuProfile, startHeapProfile } = require('node:v8');
      const expected = ['loop'];
      if (startHeapProfile) expected.unshift('heap');
      if (startCpuProfile) expected.unshift('cpu');
      profiler.start({ intervalMs: 1 })
        .then(() => { for (const end = Date.now() + 100; Date.now() < end; ); return profiler.stop(); })
        .then((profiles) => say({ ...summary(profiles), expected, samples: profiles.cpu?.samples.length > 0 }));`,
      [permission, '--no-warnings', '--allow-fs-read=*'],
    );
    const { recorded, missing, expected, samples } = JSON.parse(out) as Record<string, string[]>;
    expect(recorded).toEqual(expected);
    const unavailable = ['heap', 'cpu'].filter((kind) => !expected?.includes(kind));
    expect(missing).toEqual(unavailable.map((kind) => `${kind} LASTCALL_PROFILE_UNAVAILABLE`));
    expect(samples).toBe(expected?.includes('cpu'));
  });

  it('says why it cannot record anything under the permission model', async () => {
    const { out } = await run(
      `
      const v8 = require('node:v8');
      v8.startHeapProfile = undefined;
      profiler.start({ kinds: ['heap'] }).catch((error) => say([error.code, error.message, error.cause.code]));`,
      [permission, '--no-warnings', '--allow-fs-read=*'],
    );
    expect(JSON.parse(out)).toEqual([
      'LASTCALL_PROFILE_UNAVAILABLE',
      expect.stringContaining('--allow-inspector'),
      'ERR_ACCESS_DENIED',
    ]);
  });

  it('does without the inspector where Node was built without it', async () => {
    const { out } = await run(`
      const Module = require('node:module');
      const load = Module._load;
      Module._load = (name, ...rest) => {
        if (name === 'node:inspector') throw Object.assign(new Error('no inspector'), { code: 'ERR_INSPECTOR_NOT_AVAILABLE' });
        return load(name, ...rest);
      };
      require('node:v8').startHeapProfile = undefined;
      profiler.start({ kinds: ['heap', 'loop'] }).then(() => profiler.stop()).then((profiles) => say(summary(profiles)));`);
    expect(JSON.parse(out)).toEqual({
      recorded: ['loop'],
      missing: ['heap LASTCALL_PROFILE_UNAVAILABLE'],
    });
  });
});
