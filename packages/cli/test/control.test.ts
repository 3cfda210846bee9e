import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { AS_NOBODY, itWith, NOBODY, ROOT } from '../../proc/test/harness/needs';
import { namedPrograms, pidOf } from './harness/named-programs';
import { succeeded } from './harness/succeeded';
import { runCli } from './run-cli';

const room = namedPrograms();
const { lastcall, up } = room;

describe('lastcall status', () => {
  it('lists who can be asked, and shows one by pid, pid file and name', async () => {
    expect((await lastcall('status')).out).toBe(
      `no process has a control socket in ${join(room.folder, 'control')}\n`,
    );
    const program = await up("proc.onShutdown(() => {}, { name: 'pool' });");
    expect((await lastcall('status')).out).toMatch(/ orders +service +running, up/);
    const pidFile = join(room.folder, 'orders.pid');
    writeFileSync(pidFile, `${pidOf(program)}\n`);
    for (const target of [pidOf(program), pidFile, 'orders']) {
      const { out } = await succeeded(lastcall('status', target));
      expect(out).toContain(`orders pid ${pidOf(program)}`);
      expect(out).toContain('nothing in flight that lastcall knows of');
    }
    const { lifecycle } = JSON.parse((await lastcall('status', '--json', 'orders')).out);
    expect(lifecycle).toMatchObject({ state: 'running', listeners: [{ name: 'pool' }] });
  });

  it('asks which one is meant when several have the name', async () => {
    const [one, two] = [await up(''), await up('')];
    const { code, err } = await lastcall('status', 'orders');
    expect(code).toBe(2);
    for (const program of [one, two]) expect(err).toContain(pidOf(program));
  });

  it.each([
    '@acme/orders',
    'orders.api',
    'Bestellungen für München',
    'a-service-whose-name-is-longer-than-a-path-of-a-socket-has-room-for',
  ])('knows a service by the name it gave itself: %s', async (name) => {
    const program = await up('', { name });
    const { code, out } = await lastcall('status', name);
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining(pidOf(program)) });
    expect((await lastcall('status')).out).toContain(name);
  });

  it('knows a service by a name that it gave itself after its socket was made', async () => {
    const program = await up(
      `process.on('SIGHUP', () => { proc.setup({ name: 'later' }); say('renamed'); });`,
    );
    program.kill('SIGHUP');
    await program.saw('renamed');
    const { out } = await succeeded(lastcall('status', 'later'));
    expect(out).toContain(`later pid ${pidOf(program)}`);
    expect((await lastcall('status', 'nobody')).code).toBe(3);
  });

  const COMMANDS = ['status', 'reload', 'dump', 'profile', 'doctor', 'stop'];

  it('takes a number for a pid, and for a name where no process has that pid: every command', async () => {
    const program = await up('', { name: '2147483000' });
    const outcomes = [];
    for (const command of COMMANDS) {
      const more = command === 'profile' ? ['--seconds', '10ms'] : [];
      const { out, err, code } = await lastcall(command, '2147483000', ...more);
      outcomes.push([command, code, `${out}${err}`]);
    }
    const says = (text: string | RegExp) => expect.stringMatching(text);
    const pid = pidOf(program);
    expect(outcomes).toEqual([
      ['status', 0, says(`pid ${pid}`)],
      ['reload', 1, says('does not use @lastcall/restart')],
      ['dump', 0, says(`pid ${pid}`)],
      ['profile', 0, says('cpuprofile')],
      ['doctor', expect.any(Number), says(pid)],
      ['stop', 0, says(`process ${pid} has ended`)],
    ]);
  });

  it('does nothing where a number is the pid of one process and the name of another: no command', async () => {
    const other = await up('', { control: false });
    const number = pidOf(other);
    const program = await up('', { name: number });
    for (const command of COMMANDS) {
      const { code, err } = await lastcall(command, number);
      expect([command, code, err]).toEqual([
        command,
        2,
        expect.stringContaining(
          `${number} is a process, and the name of process ${pidOf(program)}`,
        ),
      ]);
    }
    expect(other.child.signalCode).toBeNull();
    await succeeded(lastcall('stop', pidOf(program)));
  });

  it.each(COMMANDS)('finds no process of a number that nothing has: %s', async (command) => {
    for (const number of ['0', '2147483000', '99999999999']) {
      const { code, err } = await lastcall(command, number);
      expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining(`process ${number}`) });
    }
  });

  it('does not take a service for another whose name looks the same in a path', async () => {
    await up('', { name: 'orders_api' });
    const { code, err } = await lastcall('stop', 'orders.api');
    expect(code).toBe(3);
    expect(err).toContain("'orders.api'");
  });

  it('takes a file that holds no pid for none, whatever it begins with', async () => {
    const program = await up('');
    const before = process.cwd();
    writeFileSync(join(room.folder, 'orders'), '#!/bin/sh\n');
    writeFileSync(join(room.folder, 'log'), `${pidOf(program)}-11-25 something happened\n`);
    process.chdir(room.folder);
    try {
      expect((await lastcall('status', 'orders')).out).toContain(`pid ${pidOf(program)}`);
      const { code, err } = await lastcall('stop', 'log');
      expect({ code, err }).toMatchObject({
        code: 3,
        err: expect.stringContaining('holds no pid'),
      });
    } finally {
      process.chdir(before);
    }
  });

  it('answers while the main thread is blocked, with what blocks it', async () => {
    const program = await up('setTimeout(function spin() { for (;;); }, 50);');
    // Blocked at the latest when it no longer answers: until then it is only asked again.
    for (;;) {
      const { out } = await lastcall('status', pidOf(program));
      if (!out.includes('blocked')) continue;
      expect(out).toMatch(/has not answered for \d+ ms/);
      expect(out).toContain('at spin (');
      break;
    }
    const { out } = await lastcall('dump', 'orders');
    expect(out).toContain('=== dump of a blocked process: orders');
    const profile = await lastcall('profile', 'orders', '-s', '200ms', '-o', room.folder, '--json');
    const [file = ''] = JSON.parse(profile.out).files;
    expect(readFileSync(file, 'utf8')).toContain('spin');
  });

  it('tells what the system does where there is no control socket', async () => {
    const program = await up('', { control: false });
    const { out } = await lastcall('status', pidOf(program));
    expect(out).toContain('no control socket');
    for (const pid of ['0', '999999999', '99999999999999999999'])
      expect(await lastcall('status', pid)).toMatchObject({
        code: 3,
        err: expect.stringMatching(/^lastcall: there is no process \d+$/m),
      });
    expect((await lastcall('status', 'nobody')).code).toBe(3);
  });

  it('says so when the whole process stands still, and what the system knows of it', async () => {
    const program = await up('');
    program.kill('SIGSTOP');
    try {
      const { code, err } = await lastcall('status', 'orders');
      expect({ code, err }).toMatchObject({ code: 5, err: expect.stringContaining('no answer') });
      expect(err).toContain(`pid ${pidOf(program)}, parent ${process.pid}`);
      expect(err).toContain('state T (stopped)');
      expect(err).not.toContain('--timeout');
      expect((await lastcall('status')).out).toMatch(/ orders +service +no answer$/m);
    } finally {
      program.kill('SIGCONT');
    }
  });

  it('says so when it cannot look, and asks by signals all the same', async () => {
    const program = await up('', { control: false });
    writeFileSync(join(room.folder, 'control'), 'no directory');
    for (const argv of [['status'], ['status', 'orders'], ['stop', 'orders']]) {
      const { code, out, err } = await lastcall(...argv);
      expect({ code, out }).toEqual({ code: 4, out: '' });
      expect(err).toContain('ENOTDIR');
    }
    expect((await lastcall('status', pidOf(program))).out).toContain('no control socket');
    await succeeded(lastcall('__complete', '--', 'dump', ''));
    await succeeded(lastcall('stop', pidOf(program)));
  });

  it('finds a process by its pid where its environment says, though it is not where one looks', async () => {
    const program = await up('');
    const pidFile = join(room.folder, 'orders.pid');
    writeFileSync(pidFile, pidOf(program));
    for (const target of [pidOf(program), pidFile]) {
      const { out } = await runCli(['status', target], { env: () => undefined });
      expect(out).toContain(`orders pid ${pidOf(program)}`);
    }
  });

  itWith([ROOT, 'setpriv', NOBODY])(
    'finds a process of another user when root asks, and no socket that is not its own',
    async () => {
      const theirs = join(room.folder, 'control');
      chmodSync(room.folder, 0o755);
      mkdirSync(theirs, { mode: 0o700 });
      chownSync(theirs, 65534, 65534);
      const program = await up('', { under: AS_NOBODY });
      const elsewhere = (): undefined => undefined;
      const { out } = await runCli(['status', pidOf(program)], { env: elsewhere });
      expect(out).toContain(`orders pid ${pidOf(program)}`);
      const [socket = ''] = readdirSync(theirs);
      const own = createServer(() => {}).listen(join(room.folder, 'own.sock'));
      await once(own, 'listening');
      rmSync(join(theirs, socket));
      symlinkSync(join(room.folder, 'own.sock'), join(theirs, socket));
      const refused = await runCli(['status', pidOf(program)], { env: elsewhere });
      own.close();
      expect(refused.out).toContain('no control socket');
    },
  );

  it('says so when who answers is none of ours, and writes nothing to the terminal that controls it', async () => {
    const directory = join(room.folder, 'control');
    mkdirSync(directory, { mode: 0o700 });
    const answers = [
      'hello\n',
      'null\n',
      '[]\n',
      '{"id":1,"type":"progress","text":"\\u001b[2Jx"}\n{}\n',
    ];
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(answers[0] ?? ''));
    }).listen(join(directory, `orders.${process.pid}.sock`));
    await once(server, 'listening');
    for (; answers.length > 0; answers.shift()) {
      const { code, err } = await lastcall('reload', String(process.pid));
      expect({ code, err }).toMatchObject({
        code: 4,
        err: expect.stringContaining('does not answer'),
      });
      expect(err).not.toContain('\u001b[2J');
    }
    server.close();
  });

  it.each(['status', 'reload', 'dump', 'profile'])(
    'says so when the answer to %s is another than it can be',
    async (command) => {
      const directory = join(room.folder, 'control');
      mkdirSync(directory, { mode: 0o700 });
      const values = ['null', '[1]', '{"role":"service","process":5}', '{"pids":5,"files":[5]}'];
      const replies = [
        ...values.map((value) => `{"id":1,"type":"result","value":${value}}`),
        '{"id":1,"type":"error","code":5,"message":{}}',
        '{"id":1,"type":"progress"}',
      ];
      const server = createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.end(`${replies[0]}\n`));
      }).listen(join(directory, `orders.${process.pid}.sock`));
      await once(server, 'listening');
      for (; replies.length > 0; replies.shift())
        expect(await lastcall(command, String(process.pid))).toEqual({
          code: 4,
          out: '',
          err: expect.stringContaining('does not answer as lastcall does'),
        });
      server.close();
    },
  );

  it('removes what a killed process has left behind', async () => {
    const program = await up('');
    program.kill('SIGKILL');
    await program.ended;
    expect(readdirSync(join(room.folder, 'control'))).toHaveLength(1);
    expect((await lastcall('status')).out).toBe(
      `no process has a control socket in ${join(room.folder, 'control')}\n`,
    );
    expect(readdirSync(join(room.folder, 'control'))).toEqual([]);
  });

  it('gives the shell names and pids to complete', async () => {
    const program = await up('');
    const { out } = await lastcall('__complete', '--', 'dump', '');
    expect(out).toContain(`orders\tservice ${pidOf(program)}\n`);
    expect(out).toContain(`${pidOf(program)}\t`);
  });
});

describe('lastcall dump', () => {
  const SOURCE = 'async function waitForStock() { await sleep(60000); } waitForStock();';

  it.each([true, false])(
    'prints what the process waits for (control socket: %p)',
    async (control) => {
      const program = await up(`${SOURCE} proc.install();`, { control });
      const { out } = await succeeded(lastcall('dump', '--awaits', 'always', pidOf(program)));
      expect(out).toContain('waitForStock');
      const file = join(room.folder, 'dump.json');
      await lastcall('dump', pidOf(program), '-o', file);
      expect(JSON.parse(readFileSync(file, 'utf8')).schema).toBe('lastcall.dump/1');
    },
  );

  it('insists by a second signal, and refuses what a signal cannot ask for', async () => {
    const program = await up(`${SOURCE} proc.install();`, { control: false });
    // Right after the first one the process holds the await sites back.
    for (let dumps = 0; dumps < 2; dumps += 1) {
      const { out } = await succeeded(lastcall('dump', '--awaits', 'always', pidOf(program)));
      expect(out).toContain('waitForStock');
    }
    const { code, err } = await lastcall('dump', '--awaits', 'never', pidOf(program));
    expect({ code, err }).toMatchObject({ code: 4, err: expect.stringContaining('SIGUSR1') });
  });

  it('sends no signal that the process would die of', async () => {
    const program = await up('', { control: false });
    for (const command of ['dump', 'profile', 'reload']) {
      const { code, err } = await lastcall(command, pidOf(program));
      expect(err).toContain('does not handle');
      expect(err).not.toContain('recording');
      expect(err.includes('LASTCALL_UPGRADE_ON_TERMINAL')).toBe(command === 'reload');
      expect(code).toBe(4);
    }
    expect(program.child.exitCode).toBeNull();
  });
});

it.each(['reload', 'dump', 'profile'])(
  '%s sends a shell no signal: it would die',
  async (command) => {
    // With a trap bash handles every signal that would end it, to run the trap and die.
    const script = 'trap "echo bye" EXIT; echo up; while :; do read -r line; done';
    const shell = spawn('bash', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(shell.stdout, 'data');
      const { code, err } = await lastcall(command, String(shell.pid));
      expect({ code, err }).toMatchObject({ code: 4, err: expect.stringContaining('is a shell') });
      expect([shell.exitCode, shell.signalCode]).toEqual([null, null]);
    } finally {
      shell.kill('SIGKILL');
    }
  },
);

describe('lastcall profile', () => {
  it.each([true, false])('records for some time (control socket: %p)', async (control) => {
    const program = await up('proc.install();', { control });
    const { out } = await succeeded(lastcall('profile', pidOf(program), '-s', '300ms', '--json'));
    const { files } = JSON.parse(out) as { files: string[] };
    expect(files.map((file) => /-(cpu|heap|loop)-/.exec(file)?.[1]).sort()).toEqual([
      'cpu',
      'heap',
      'loop',
    ]);
    for (const file of files) expect(existsSync(file)).toBe(true);
  });

  it('refuses by signal what lasts longer than a profile that nobody ends', async () => {
    const program = await up('proc.install();', { control: false });
    const { code, err } = await lastcall('profile', pidOf(program), '-s', '90s');
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('60 s') });
  });

  it('records again at once when it is asked to', async () => {
    await up('');
    for (const time of ['100ms', '150ms'])
      await succeeded(lastcall('profile', 'orders', '--kind', 'cpu', '-s', time));
  });
});

describe('lastcall doctor', () => {
  it('asks the process for the settings in force', async () => {
    const program = await up(
      'proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 11000, waitTimeMs: 12000 }); proc.install();',
    );
    const { out } = await lastcall('doctor', pidOf(program));
    expect(out).toContain('[readiness-hold]');
  });
});
