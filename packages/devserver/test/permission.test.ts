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
