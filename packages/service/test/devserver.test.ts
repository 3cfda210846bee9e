import { join } from 'node:path';
import { type Program, runProgram } from '../../../tools/run-program';

function run(devserver: string, before = ''): Program {
  return runProgram(
    join(__dirname, '..'),
    `${before}
    const { bootstrap } = require('@lastcall/service');
    const alive = setInterval(() => {}, 1000);
    const app = bootstrap({
      name: 'orders',
      services: [{ name: 'consumer', start() {} }],
      proc: { wrapUpTimeMs: 0, hammerTimeMs: 3000, waitTimeMs: 4000, logger: false },
      devserver: ${devserver},
    });
    app.lifecycle.events.on('warning', ({ error }) => console.log('warning', error.code));
    app.ready.then(() => app.devserver).then((address) => {
      const loaded = Object.keys(require.cache).some((file) => file.includes('devserver'));
      console.log('loaded ' + loaded);
      console.log('port ' + new URL(address ?? 'http://none:1').port + '.');
    });`,
  );
}

describe('bootstrap({ devserver })', () => {
  it('serves what the microservice is and does, until it ends', async () => {
    const program = run('{ port: 0 }');
    const status = await fetch(`http://127.0.0.1:${await program.port}/debug/status`);
    expect(await status.json()).toMatchObject({
      process: { name: 'orders', pid: program.child.pid },
      lifecycle: { state: 'running', health: { ready: true, probes: [{ name: 'orders' }] } },
    });
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({
      signal: 'SIGTERM',
      out: expect.stringContaining('loaded true'),
    });
  });

  it('that cannot start is a warning: the microservice runs', async () => {
    const first = run('{ port: 0 }');
    const second = run(`{ port: ${await first.port} }`);
    await second.saw('warning LASTCALL_DEVSERVER_IN_USE');
    await second.saw('port 1.');
    for (const program of [first, second]) {
      program.kill('SIGTERM');
      expect(await program.ended).toMatchObject({ signal: 'SIGTERM' });
    }
  });

  it('that is not there, as in a bundle, is a warning, too', async () => {
    const program = run(
      'true',
      `const modules = require('node:module');
      const resolve = modules._resolveFilename;
      modules._resolveFilename = (name, ...rest) => resolve(name === '@lastcall/devserver' ? './gone' : name, ...rest);`,
    );
    await program.saw('warning LASTCALL_DEVSERVER_NOT_STARTED');
    await program.saw('port 1.');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ signal: 'SIGTERM' });
  });

  it('that is not wanted is not loaded', async () => {
    const program = run('false');
    await program.saw('port 1.');
    program.kill('SIGTERM');
    expect((await program.ended).out).toContain('loaded false');
  });
});
