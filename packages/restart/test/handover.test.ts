import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ask, Service, send, temporaryDirectory } from './harness/service';

const FIXTURE = join(__dirname, 'fixtures', 'service.cjs');

describe('the command line of the next generation', () => {
  it('is that of this one', async () => {
    const args = ['--stack-size=900', FIXTURE, '--port', 'any thing', ''];
    await using service = new Service({ args });
    send(await service.ready(1), 'SIGHUP');
    await service.ready(2);
    const { argv, execArgv, execPath, cwd } = await service.saw({ generation: 1, begun: true });
    const second = await service.saw({ generation: 2, begun: true });
    expect(argv).toEqual([process.execPath, ...args.slice(1)]);
    expect(second).toMatchObject({ argv, execArgv, execPath, cwd });
  });

  it('has a port of its own for the inspector', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as { port: number };
    await new Promise((resolve) => holder.close(resolve));
    await using service = new Service({ args: [`--inspect=127.0.0.1:${port}`, FIXTURE] });
    send(await service.ready(1), 'SIGHUP');
    const { execArgv } = await service.saw({ generation: 2, begun: true });
    await service.ready(2);
    expect(execArgv).toEqual(['--inspect=0']);
    send(await service.ready(2), 'SIGTERM');
    // What it writes comes another way than what it says.
    await service.closed;
    expect(service.err.match(/Debugger listening/g)).toHaveLength(2);
  });
});

it('a descriptor that is not the socket it should be is refused, and the old generation serves on', async () => {
  // A wrapper in between opens files of its own, where the sockets are.
  const wrapper = join(temporaryDirectory(), 'wrapper');
  writeFileSync(wrapper, `exec 4</dev/null; exec "${process.execPath}" "${FIXTURE}"`);
  const command = { execPath: '/bin/sh', execArgv: [], args: [wrapper] };
  await using service = new Service({ plan: { 1: { setup: { command } } } });
  const old = await service.ready(1);
  send(old, 'SIGHUP');
  const { message } = await service.saw({ generation: 2, failed: 'LASTCALL_SOCKET_INVALID' });
  expect(message).toContain("descriptor 4 is not the socket 'web'");
  await service.saw({ pid: old, step: 'failed', code: 'LASTCALL_UPGRADE_CHILD_ENDED' });
  expect(await ask(await service.address())).toBe(`1:${old}`);
});

it.each([
  ['is no JSON', '{'],
  ['is of another version', '{"version":99}'],
  [
    'names a descriptor that is not there',
    `{"version":1,"topology":"chain","generation":2,"parentPid":${process.pid},"channelFd":77,"ancestors":[],"sockets":[]}`,
  ],
])('a handover that %s is refused with a code', async (_what, value) => {
  await using service = new Service({
    args: [
      '-e',
      `try { require('@lastcall/restart').restart.generation; } catch (error) {
         console.log(JSON.stringify({ pid: process.pid, generation: 1, code: error.code, message: error.message }));
       }`,
    ],
    cwd: join(__dirname, '..'),
    env: { LASTCALL_HANDOVER: value },
  });
  await service.saw({ code: 'LASTCALL_HANDOVER_INVALID' });
});

it('one that a launcher has left in the environment means nothing to the process that it forks', async () => {
  // Descriptor 3 is Node's own channel there, as in the workers of node:cluster.
  const handover = {
    version: 1,
    topology: 'supervised',
    generation: 4,
    parentPid: process.pid,
    channelFd: 3,
    ancestors: [],
    sockets: [],
  };
  await using service = new Service({
    args: ['-e', `require('node:child_process').fork(${JSON.stringify(FIXTURE)})`],
    env: { LASTCALL_HANDOVER: JSON.stringify(handover) },
  });
  const pid = await service.ready(1);
  expect(await ask(await service.address())).toBe(`1:${pid}`);
});
