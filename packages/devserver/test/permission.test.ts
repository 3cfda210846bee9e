import { get } from './get';
import { runProgram } from './run-program';

const flag = process.version.startsWith('v20.') ? '--experimental-permission' : '--permission';

it('answers where the inspector is not permitted, and refuses what needs it', async () => {
  const program = runProgram('up();', {
    NODE_OPTIONS: `${flag} --allow-fs-read=* --allow-fs-write=* --allow-worker`,
  });
  const port = await program.port;
  expect(await get(port, '/livez')).toMatchObject({ status: 200 });
  expect(await get(port, '/debug/pprof/profile?seconds=1')).toMatchObject({ status: 501 });
  expect(await get(port, '/debug/pprof/heap?seconds=1')).toMatchObject({ status: 501 });
  expect(await get(port, '/debug/dump')).toMatchObject({ status: 200 });
  expect(program.child.exitCode).toBeNull();
  program.kill('SIGKILL');
  await program.ended;
});

it('looks at no other thread than the one that it was started in', async () => {
  const program = runProgram(`
    const { Worker } = require('node:worker_threads');
    const inWorker = \`
      const { proc } = require('@lastcall/proc');
      proc.setup({ name: 'in-worker', logger: false });
      require('@lastcall/devserver').startDevserver({ port: 0 }).then(({ address }) =>
        require('node:fs').writeSync(1, 'port ' + new URL(address).port + '.\\\\n'));
      setInterval(() => {}, 1000);\`;
    new Worker(inWorker, { eval: true });`);
  const port = await program.port;
  for (const path of ['profile', 'heap', 'allocs']) {
    const answer = await get(port, `/debug/pprof/${path}?seconds=1`);
    expect(answer).toMatchObject({ status: 501, text: expect.stringContaining('worker thread') });
  }
  expect((await get(port, '/debug/dump')).text).toContain('dump: in-worker');
  program.kill('SIGKILL');
  await program.ended;
});
