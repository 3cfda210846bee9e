import { runProgram } from './run-program';

const NAMES = [
  'LastcallError',
  'STAGES',
  'WaitToken',
  'assertLifecycle',
  'assertOptionsObject',
  'createLifecycle',
  'describe',
  'diffDumps',
  'formatDump',
  'formatDumpDiff',
  'formatEvent',
  'isDelay',
  'mergeSettings',
  'proc',
  'signals',
  'toError',
];

it('exposes one API and one instance to require() and import', async () => {
  const program = runProgram(`
    clearInterval(alive);
    const cjs = require('@lastcall/proc');
    const names = (object) => Object.keys(object).filter((name) => !['default', 'module.exports', '__esModule'].includes(name)).sort();
    import('@lastcall/proc').then((esm) => {
      say(JSON.stringify({ cjs: names(cjs), esm: names(esm), one: cjs.proc === esm.proc }));
    });`);
  const { out } = await program.ended;
  expect(JSON.parse(out)).toEqual({ cjs: NAMES, esm: NAMES, one: true });
});

it('has the test kit at a subpath of its own', async () => {
  const program = runProgram(`
    clearInterval(alive);
    say(Object.keys(require('@lastcall/proc/testing')).sort().join(' '));`);
  expect((await program.ended).out).toBe('FakeClock FakeEnvironment createTestLifecycle settle\n');
});
