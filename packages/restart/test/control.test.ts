import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type Program, runProgram } from '../../../tools/run-program';
import {
  type ControlReply,
  type ControlRequest,
  controlPath,
  listControls,
  serveControl,
} from '../src/control';
import { temporaryDirectory } from './harness/service';

const ROOM = join(__dirname, '..');

function run(source: string, directory: string, env: Record<string, string> = {}): Program {
  const preamble = `
    const { proc } = require('@lastcall/proc');
    proc.setup({ logger: false, wrapUpTimeMs: 0, name: 'orders' });
    const alive = setInterval(() => {}, 1000);
    const say = (text) => process.stdout.write(text + '\\n');
    const up = async () => {
      const control = await require('@lastcall/restart/control').startControl();
      say('up ' + control.path);
      return control;
    };
  `;
  return runProgram(ROOM, preamble + source, {
    env: { LASTCALL_CONTROL_DIR: directory, ...env },
    deadlineMs: 40_000,
  });
}

function socketIn(directory: string): string {
  const [control] = listControls(directory);
  if (control === undefined) throw new Error(`no control socket in ${directory}`);
  return control.path;
}

type Question = ControlRequest extends infer R
  ? R extends ControlRequest
    ? Omit<R, 'id'>
    : never
  : never;

/** Asks, and resolves with every reply up to the last one. */
function ask(path: string, question: Question): Promise<ControlReply[]> {
  return new Promise((resolve, reject) => {
    const replies: ControlReply[] = [];
    let text = '';
    const socket = connect(path, () => socket.write(`${JSON.stringify({ ...question, id: 7 })}\n`));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop() ?? '';
      replies.push(...lines.map((line) => JSON.parse(line) as ControlReply));
      if (replies.at(-1)?.type !== 'progress') socket.end();
    });
    socket.on('error', reject).on('close', () => resolve(replies));
  });
}

async function result(path: string, question: Question): Promise<Record<string, unknown>> {
  const last = (await ask(path, question)).at(-1);
  if (last?.type !== 'result') throw new Error(`no result: ${JSON.stringify(last)}`);
  return last.value as Record<string, unknown>;
}

describe('startControl()', () => {
  it('serves a socket that its user alone may use, and removes it with the end of the process', async () => {
    const directory = join(temporaryDirectory(), 'made', 'anew');
    const program = run('proc.install(); up()', directory);
    await program.saw('up ');
    const path = socketIn(directory);
    expect(path).toBe(controlPath(directory, 'orders', program.child.pid ?? 0, 'service'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const { mainThread, process: self } = await result(path, { command: 'status' });
    expect(mainThread).toMatchObject({ responsive: true });
    expect(self).toMatchObject({ name: 'orders', pid: program.child.pid });
    program.kill('SIGTERM');
    await program.ended;
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each(['orders.js', 'orders.mjs', 'orders.ts'])(
    'has the name that a dump has where none was given: %s without its extension',
    async (script) => {
      const directory = temporaryDirectory();
      const program = runProgram(
        ROOM,
        `process.argv[1] = '/srv/${script}';
        const alive = setInterval(() => {}, 1000);
        require('@lastcall/restart/control').startControl().then(() => process.stdout.write('up'));`,
        {
          env: {
            LASTCALL_CONTROL_DIR: directory,
            LASTCALL_DUMP_DIR: directory,
            npm_package_name: '',
          },
        },
      );
      await program.saw('up');
      const { process: self } = await result(socketIn(directory), { command: 'status' });
      expect(self).toMatchObject({ name: 'orders' });
      const { text } = await result(socketIn(directory), { command: 'dump', awaits: 'never' });
      expect(text).toMatch(/^=== lastcall dump: orders pid /);
      program.kill('SIGKILL');
      await program.ended;
    },
  );

  it('keeps no process alive, and can be closed', async () => {
    const directory = temporaryDirectory();
    const program = run(
      'up().then((c) => c.close()).then(() => { clearInterval(alive); say("closed"); })',
      directory,
    );
    expect(await program.ended).toMatchObject({ code: 0, signal: null });
    expect(readdirSync(directory)).toEqual([]);
    const other = run('up().then(() => clearInterval(alive))', directory);
    expect(await other.ended).toMatchObject({ code: 0, signal: null });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is there without a line of code by a preload, and importing it does nothing', async () => {
    const directory = temporaryDirectory();
    const idle = run("require('@lastcall/restart/control'); clearInterval(alive)", directory);
    expect((await idle.ended).code).toBe(0);
    expect(readdirSync(directory)).toEqual([]);
    const program = run(
      `const { existsSync, readdirSync } = require('node:fs');
       setInterval(() => readdirSync(${JSON.stringify(directory)}).length > 0 && say('there'), 20)`,
      directory,
      { NODE_OPTIONS: `--require ${join(ROOM, 'dist', 'control', 'register.js')}` },
    );
    await program.saw('there');
    program.kill('SIGTERM');
    await program.ended;
  });

  it('refuses a directory that others can enter, and a path that somebody serves', async () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o755);
    const program = run(
      'up().catch((e) => { say(e.code + e.message); process.exit(3); })',
      directory,
    );
    expect(await program.ended).toMatchObject({ code: 3 });
    expect((await program.ended).out).toMatch(/LASTCALL_CONTROL_NOT_STARTED.*0700/);
    // The folder is there, and nobody can make one in it.
    const third = run(
      'up().catch((e) => { say(e.code + e.message); process.exit(3); })',
      '/proc/x',
    );
    expect((await third.ended).out).toMatch(/LASTCALL_CONTROL_NOT_STARTED.*ENOENT/);
    const taken = join(temporaryDirectory(), 'control');
    mkdirSync(taken, { mode: 0o700 });
    const second = run(
      `const { controlPath } = require('@lastcall/restart/control');
       const server = require('node:net').createServer();
       server.listen(controlPath(${JSON.stringify(taken)}, 'orders', process.pid, 'service'), () =>
         up().catch((e) => { say(e.code); process.exit(3); }))`,
      taken,
    );
    expect((await second.ended).out).toContain('LASTCALL_CONTROL_NOT_STARTED');
  });

  it('refuses a directory whose path leaves no room for a socket, and makes nothing there', async () => {
    const directory = join(temporaryDirectory(), 'd'.repeat(90));
    const program = run(
      'up().catch((e) => { say(e.code + e.message); process.exit(3); })',
      directory,
    );
    expect(await program.ended).toMatchObject({ code: 3 });
    expect((await program.ended).out).toMatch(
      /LASTCALL_CONTROL_NOT_STARTED.*too long.*LASTCALL_CONTROL_DIR/,
    );
    expect(existsSync(directory)).toBe(false);
  });

  it('takes the place of a socket that a dead process of the same pid left behind', async () => {
    const directory = temporaryDirectory();
    const program = run(
      `const { controlPath } = require('@lastcall/restart/control');
       const { spawnSync } = require('node:child_process');
       const path = controlPath(${JSON.stringify(directory)}, 'orders', process.pid, 'service');
       spawnSync(process.execPath, ['-e', 'require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))', path]);
       up()`,
      directory,
    );
    await program.saw('up ');
    expect(await result(socketIn(directory), { command: 'status' })).toBeDefined();
    program.kill('SIGKILL');
    await program.ended;
  });
});

describe('a control socket', () => {
  it('tells what a blocked main thread runs, and profiles it', async () => {
    const directory = temporaryDirectory();
    const program = run(
      `function blockForEver() { say('blocked'); for (let i = 0; ; i++) Math.sqrt(i); }
       up().then(() => setTimeout(blockForEver, 10))`,
      directory,
    );
    await program.saw('blocked');
    const path = socketIn(directory);
    const status = await result(path, { command: 'status' });
    expect(status.mainThread).toMatchObject({ responsive: false });
    expect(JSON.stringify(status.mainThread)).toContain('blockForEver');
    const dump = await result(path, { command: 'dump' });
    expect(dump).toMatchObject({ kind: 'blocked', last: { process: { name: 'orders' } } });
    const profile = await result(path, { command: 'profile', forMs: 200 });
    expect(JSON.stringify(profile.cpu)).toContain('blockForEver');
    program.kill('SIGKILL');
    await program.ended;
  });

  it('dumps and profiles into files', async () => {
    const directory = temporaryDirectory();
    const program = run('up()', directory, { LASTCALL_DUMP_DIR: temporaryDirectory() });
    await program.saw('up ');
    const path = socketIn(directory);
    const dump = await result(path, { command: 'dump', awaits: 'never' });
    expect(dump).toMatchObject({ kind: 'full', json: { schema: 'lastcall.dump/1' } });
    const profile = await result(path, { command: 'profile', forMs: 50, kinds: ['cpu'] });
    expect(profile.files).toEqual([expect.stringMatching(/-cpu-.*\.cpuprofile$/)]);
    program.kill('SIGTERM');
    await program.ended;
  });

  it('tells the progress of a stop, and its report before the process dies', async () => {
    const directory = temporaryDirectory();
    const program = run("proc.onShutdown(() => {}, { name: 'pool' }); up()", directory);
    await program.saw('up ');
    const replies = await ask(socketIn(directory), { command: 'stop' });
    expect(replies.map((reply) => ('text' in reply ? reply.text : ''))).toEqual(
      expect.arrayContaining([expect.stringContaining('pool')]),
    );
    expect(replies.at(-1)).toMatchObject({
      type: 'result',
      value: { reason: 'SIGTERM', ok: true },
    });
    expect(await program.ended).toMatchObject({ signal: 'SIGTERM' });
  });

  it('says why it cannot reload a process that does not use restart, and uses nothing of it', async () => {
    const directory = temporaryDirectory();
    const program = run(
      'up(); setInterval(() => process.listenerCount("SIGHUP") > 0 && say("HUP is handled"), 10)',
      directory,
    );
    await program.saw('up ');
    const [reply] = await ask(socketIn(directory), { command: 'reload' });
    expect(reply).toMatchObject({ type: 'error', code: 'LASTCALL_UPGRADE_NOT_READY' });
    expect(await result(socketIn(directory), { command: 'status' })).toMatchObject({
      restart: null,
    });
    program.kill('SIGTERM');
    expect((await program.ended).out).not.toContain('HUP is handled');
  });

  it('ends connections that speak something else', async () => {
    const directory = temporaryDirectory();
    const program = run('up()', directory);
    await program.saw('up ');
    const socket = connect(socketIn(directory), () => socket.write('GET / HTTP/1.1\r\n\r\n'));
    await new Promise((resolve) => socket.once('close', resolve));
    const bogus = (await ask(socketIn(directory), { command: 'bogus' } as never)).at(-1);
    expect(bogus).toMatchObject({ type: 'error', code: 'LASTCALL_BAD_OPTION' });
    program.kill('SIGTERM');
    await program.ended;
  });
});

describe('a control socket that is not used well', () => {
  it('leaves the service its descriptors, and says why it refuses more connections', async () => {
    const directory = temporaryDirectory();
    const program = run('up()', directory);
    await program.saw('up ');
    const path = socketIn(directory);
    const idle = Array.from({ length: 300 }, () => connect(path).on('error', () => {}));
    const closed = idle.map(
      (socket) => new Promise((resolve) => socket.resume().once('close', resolve)),
    );
    await Promise.all(closed.slice(64));
    const [refused] = await ask(path, { command: 'status' });
    expect(refused).toMatchObject({
      type: 'error',
      message: expect.stringContaining('64 connections'),
    });
    const { pid } = program.child;
    expect(readdirSync(`/proc/${pid}/fd`).length).toBeLessThan(150);
    // They ask nothing, and are closed.
    await Promise.all(closed);
    expect(await result(path, { command: 'status' })).toMatchObject({ role: 'service' });
    program.kill('SIGTERM');
    await program.ended;
  });

  it('takes up a few requests of one connection at a time, and answers all', async () => {
    let asked = 0;
    let answer = (): void => {};
    const mayAnswer = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const server = await serveControl(join(temporaryDirectory(), 'x.1.sock'), async (request) => {
      if (request.command === 'dump') return null;
      asked += 1;
      return mayAnswer;
    });
    const ids = Array.from({ length: 2000 }, (_, id) => id);
    const socket = connect(server.path);
    socket.write(ids.map((id) => `{"id":${id},"command":"status"}\n`).join(''));
    // Asked later, and answered: what could be read of the others has been read.
    await result(server.path, { command: 'dump' });
    const askedAtOnce = asked;
    answer();
    let text = '';
    await new Promise<void>((resolve) => {
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (text.split('\n').length > ids.length) resolve();
      });
    });
    socket.destroy();
    await server.close();
    expect(askedAtOnce).toBe(4);
    const replies = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ControlReply);
    expect(replies.map(({ id }) => id)).toEqual(ids);
  });

  it('cuts off who asks and asks, and does not read the answers', async () => {
    const directory = temporaryDirectory();
    const server = await serveControl(join(directory, 'x.1.sock'), async () => 'x'.repeat(1 << 20));
    const socket = connect(server.path)
      .pause()
      .on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    for (let id = 0; id < 100 && !socket.destroyed; id += 1) {
      socket.write(`{"id":${id},"command":"status"}\n`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await closed;
    await server.close();
  });
});

it('a path stays short, whatever the service is called', () => {
  const path = controlPath(
    '/run/user/1000/lastcall',
    `@acme/${'x'.repeat(200)}`,
    4_194_304,
    'supervisor',
  );
  expect(Buffer.byteLength(path)).toBeLessThan(104);
});
