import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { get } from './get';
import { type OrderedProgram, runProgram } from './run-program';

const folder = (): string => mkdtempSync(join(tmpdir(), 'lastcall-'));

describe('startDevserver()', () => {
  let program: OrderedProgram;
  afterEach(() => program.kill('SIGKILL'));

  it('listens on 127.0.0.1 alone and says its address', async () => {
    program = runProgram(`up().then((devserver) => say('at ' + devserver.address + ' '));`);
    const port = await program.port;
    await program.saw(`at http://127.0.0.1:${port} `);
  });

  it('does not keep the process alive, and is closed as often as one likes', async () => {
    program = runProgram(`
      up().then(async (devserver) => {
        const closed = devserver.close();
        say('same ' + (devserver.close() === closed) + '.');
        await closed;
        say('listeners ' + proc.status().listeners.length + '.');
        await startDevserver({ port: 0 });
        clearInterval(alive); process.stdin.destroy();
        say('nothing left to do');
      });`);
    await program.saw('same true.');
    await program.saw('listeners 0.');
    await program.saw('nothing left to do');
    expect(await program.ended).toMatchObject({ code: 0, signal: null, err: '' });
  });

  it('does not end a process that only waits for it', async () => {
    program = runProgram(
      `clearInterval(alive); process.stdin.destroy(); up().then(() => say('is up'));`,
    );
    await program.saw('is up');
    expect(await program.ended).toMatchObject({ code: 0, err: '' });
  });

  it('says that the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    program = runProgram(`
      startDevserver({ port: ${port} }).catch((error) => say(error.code + ' ' + error.cause.code + ': ' + error.message));`);
    await program.saw(
      `LASTCALL_DEVSERVER_IN_USE EADDRINUSE: the devserver cannot listen: listen EADDRINUSE`,
    );
    other.close();
  });

  it('warns when it fails and nobody awaits it', async () => {
    program = runProgram(`
      proc.events.on('warning', ({ error }) => { say('warned: ' + error.code); clearInterval(alive); process.stdin.destroy(); });
      startDevserver({ host: '192.0.2.1', port: 0, token: '0123456789abcdef0123456789abcdef' });`);
    await program.saw('warned: LASTCALL_DEVSERVER_NOT_STARTED');
    expect(await program.ended).toMatchObject({ code: 0, err: '' });
  });

  it('warns through Node where the lifecycle has nobody who listens', async () => {
    program = runProgram(
      `startDevserver({ host: '0.0.0.0' }); clearInterval(alive); process.stdin.destroy();`,
    );
    const { code, err } = await program.ended;
    expect(code).toBe(0);
    expect(err).toContain('LASTCALL_DEVSERVER_TOKEN_NEEDED');
  });

  it('takes host, port and path from the environment', async () => {
    const path = join(folder(), 'debug.sock');
    program = runProgram(
      `startDevserver({ port: 1 }).then(({ address }) => say('at ' + address + ' '));`,
      {
        LASTCALL_DEVSERVER_PATH: path,
      },
    );
    await program.saw(`at ${path} `);
    program.kill('SIGKILL');
    program = runProgram(
      `startDevserver({ port: 1, path: '/nowhere/x' }).then(({ address }) => say('at ' + address + ' '));`,
      {
        LASTCALL_DEVSERVER_PORT: '0',
      },
    );
    await program.saw('at http://127.0.0.1:');
  });

  it('outlives its worker, and warns', async () => {
    program = runProgram(`
      proc.events.on('warning', ({ error }) => say('warned: ' + error.code));
      const { Worker } = require('node:worker_threads');
      const { postMessage } = Worker.prototype;
      let worker;
      Worker.prototype.postMessage = function (...args) { worker = this; return postMessage.apply(this, args); };
      up();`);
    await get(await program.port, '/livez');
    program.order('worker.terminate();');
    await program.saw('warned: LASTCALL_DEVSERVER_GONE');
    program.order("say('goes on with ' + proc.status().listeners.length);");
    await program.saw('goes on with 0');
  });
});

describe('on a unix socket', () => {
  let program: OrderedProgram;
  let path: string;
  const start = async (): Promise<void> => {
    program = runProgram(`
      process.umask(0);
      startDevserver({ path: ${JSON.stringify(path)} }).then((devserver) => {
        globalThis.devserver = devserver;
        say('at ' + devserver.address + ' ');
      }, (error) => say('failed: ' + error.code));`);
    await program.saw(path);
  };
  beforeEach(() => {
    path = join(folder(), 'debug.sock');
  });
  afterEach(() => program.kill('SIGKILL'));

  it('serves its owner alone, and leaves nothing behind', async () => {
    await start();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(path, '..'))).toEqual(['debug.sock']);
    const answer = await get(0, '/livez', { socketPath: path, headers: { host: 'localhost' } });
    expect(answer).toMatchObject({ status: 200, text: 'OK' });
    program.order(`devserver.close().then(() => say('closed'));`);
    await program.saw('closed');
    expect(existsSync(path)).toBe(false);
  });

  it('replaces the socket of a process that was killed', async () => {
    await start();
    program.kill('SIGKILL');
    await program.ended;
    expect(existsSync(path)).toBe(true);
    await start();
    const headers = { host: 'localhost' };
    expect(await get(0, '/livez', { socketPath: path, headers })).toMatchObject({ status: 200 });
  });

  it('refuses one in use, files and links', async () => {
    const failing = async (code: string): Promise<void> => {
      program = runProgram(
        `startDevserver({ path: ${JSON.stringify(path)} }).catch((error) => say('failed: ' + error.code + '.'));`,
      );
      await program.saw(`failed: ${code}.`);
      program.kill('SIGKILL');
    };
    const other = createServer().listen(path);
    await once(other, 'listening');
    await failing('LASTCALL_DEVSERVER_IN_USE');
    await new Promise((resolve) => other.close(resolve));
    writeFileSync(path, 'precious');
    await failing('LASTCALL_DEVSERVER_NOT_STARTED');
    const link = join(folder(), 'link.sock');
    symlinkSync(path, link);
    path = link;
    await failing('LASTCALL_DEVSERVER_NOT_STARTED');
  });
});
