import { join } from 'node:path';
import { itWith } from '../../proc/test/harness/needs';
import { freePort } from './harness/free-port';
import { logged } from './harness/logged';
import { NotifySocket } from './harness/notify-socket';
import { ask, hold, Service, send, temporaryDirectory } from './harness/service';

const FIXTURE = join(__dirname, 'fixtures', 'service.cjs');
const itNotifies = itWith(['python3', 'systemd-notify']);
const itActivates = itWith(['systemd-socket-activate']);

describe('notifications', () => {
  itNotifies(
    'tell systemd who the main process is, and only once there is no way back',
    async () => {
      using systemd = await NotifySocket.open();
      await using service = new Service({
        plan: { '*': { setup: { bakeMs: 300 } } },
        env: { NOTIFY_SOCKET: systemd.path },
      });
      const old = await service.ready(1);
      await systemd.saw('READY=1', `MAINPID=${old}`, 'STATUS=generation 1 serves');
      send(old, 'SIGHUP');
      await systemd.saw('RELOADING=1', /^MONOTONIC_USEC=\d+$/, /^EXTEND_TIMEOUT_USEC=\d+$/);
      const next = await service.ready(2);
      await systemd.saw('READY=1', `MAINPID=${next}`);
      await service.gone(old);
      const texts = systemd.got.map(({ text }) => text);
      expect(texts.filter((text) => text.includes('STOPPING=1'))).toEqual([]);
      expect(texts.filter((text) => text.includes(`MAINPID=${next}`))).toHaveLength(1);
      send(next, 'SIGTERM');
      await systemd.saw('STOPPING=1', /^EXTEND_TIMEOUT_USEC=/);
    },
  );

  itNotifies('tell of an upgrade that failed, and never of its process', async () => {
    using systemd = await NotifySocket.open();
    await using service = new Service({
      plan: { 2: { fault: 'bake' }, '*': { setup: { bakeMs: 10_000 } } },
      env: { NOTIFY_SOCKET: systemd.path },
    });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    await systemd.saw(
      'READY=1',
      /^STATUS=upgrade failed: LASTCALL_UPGRADE_ROLLED_BACK: the new generation, process \d+, ended with exit code 7 soon after it was ready/,
    );
    const mains = systemd.got.flatMap(({ text }) => text.match(/^MAINPID=\d+$/m) ?? []);
    expect(new Set(mains)).toEqual(new Set([`MAINPID=${old}`]));
  });

  itNotifies('tell of an upgrade that is refused: systemd would wait for it', async () => {
    using systemd = await NotifySocket.open();
    await using service = new Service({
      env: {
        NOTIFY_SOCKET: systemd.path,
        LASTCALL_MAX_GENERATIONS: '2',
        LASTCALL_HAMMER_TIME_MS: '60000',
        LASTCALL_WAIT_TIME_MS: '61000',
        WATCHDOG_USEC: '200000',
      },
    });
    const old = await service.ready(1);
    const held = hold(await service.address());
    await service.saw({ request: '/held' });
    send(old, 'SIGHUP');
    const next = await service.ready(2);
    await systemd.saw('READY=1', `MAINPID=${next}`);
    await service.saw({ pid: old, step: 'done' });
    const count = systemd.got.length;
    const texts = (): string[] => systemd.got.slice(count).map(({ text }) => text);
    await systemd.when('that the next one knows it is the main process', () =>
      texts().find((text) => text === 'WATCHDOG=1'),
    );
    send(next, 'SIGHUP');
    await service.saw({ pid: next, step: 'refused' });
    const told = (): string[] => texts().filter((text) => text !== 'WATCHDOG=1');
    await systemd.when('the answer', () => (told().length >= 2 ? true : undefined));
    const [begun = '', over] = told();
    expect(begun).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
    expect(over).toMatch(/^READY=1\nSTATUS=.*LASTCALL_UPGRADE_TOO_MANY_GENERATIONS/);
    held.release();
    expect(await held.answer).toBe(`1:${old}`);
  });

  itNotifies('feed the watchdog from the main process alone', async () => {
    using systemd = await NotifySocket.open();
    await using service = new Service({
      env: { NOTIFY_SOCKET: systemd.path, WATCHDOG_USEC: '400000' },
    });
    const old = await service.ready(1);
    await systemd.saw('WATCHDOG=1');
    send(old, 'SIGHUP');
    const next = await service.ready(2);
    await systemd.saw(`MAINPID=${next}`);
    await service.gone(old);
    const count = systemd.got.length;
    await systemd.when('the watchdog of the new generation', () =>
      systemd.got.slice(count).find(({ text }) => text === 'WATCHDOG=1'),
    );
  });

  itNotifies('stop both generations when the unit stops while the new one bakes', async () => {
    using systemd = await NotifySocket.open();
    await using service = new Service({
      plan: { '*': { setup: { bakeMs: 20_000 } } },
      env: { NOTIFY_SOCKET: systemd.path },
    });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const next = await service.ready(2);
    await service.saw({ pid: old, step: 'ready' });
    send(old, 'SIGTERM');
    await systemd.saw('STOPPING=1');
    await service.gone(next);
    await service.gone(old);
  });

  it('go to a function, where one is given', async () => {
    const program = `
      const { restart } = require('@lastcall/restart');
      const { proc } = require('@lastcall/proc');
      const said = [];
      restart.setup({ notify: (datagram) => { said.push(datagram.split('\\n')[0]); } });
      proc.onShutdown(() => {}, { name: 'work' });
      restart.ready().then(() => proc.shutdown()).then(() => {
        console.log(JSON.stringify({ pid: process.pid, generation: 1, said }));
      });`;
    await using service = new Service({
      args: ['-e', program],
      cwd: join(__dirname, '..'),
      env: { NOTIFY_SOCKET: '/nowhere' },
    });
    const { said } = await service.when('what was said', () => service.events[0]);
    expect(said).toEqual(['READY=1', 'STOPPING=1']);
  });

  it('that cannot be sent are a warning, once', async () => {
    await using service = new Service({
      env: { NOTIFY_SOCKET: join(temporaryDirectory(), 'nobody'), PATH: '/nowhere' },
    });
    const old = await service.ready(1);
    await service.saw({ warning: 'LASTCALL_NOTIFY_FAILED' });
    send(old, 'SIGTERM');
    await service.closed;
    expect(service.events.filter(({ warning }) => warning !== undefined)).toHaveLength(1);
  });

  it('are not wanted where the variable is empty', async () => {
    await using service = new Service({ env: { NOTIFY_SOCKET: '', PATH: '/nowhere' } });
    const pid = await service.ready(1);
    send(pid, 'SIGTERM');
    // What is told is out by then.
    await service.saw({ pid, report: 'SIGTERM' });
    await service.closed;
    expect(service.events.filter(({ warning }) => warning !== undefined)).toEqual([]);
  });

  itWith(['systemd-notify'])('that nobody reads are a warning that names the socket', async () => {
    const path = join(temporaryDirectory(), 'nobody');
    await using service = new Service({ env: { NOTIFY_SOCKET: path } });
    await service.ready(1);
    const { message } = await service.saw({ warning: 'LASTCALL_NOTIFY_FAILED' });
    expect(message).toContain(path);
    expect(message).not.toContain('install');
  });
});

describe('socket activation', () => {
  itActivates('gives the sockets by name, through upgrades', async () => {
    const [web, admin] = [await freePort(), await freePort()];
    const sockets = [
      // Not where the socket is: the unit has the last word.
      { name: 'admin', port: 1, host: '127.0.0.1' },
      { name: 'web', port: web, host: '127.0.0.1' },
    ];
    await using service = new Service({
      under: [
        'systemd-socket-activate',
        ...['-l', `127.0.0.1:${web}`, '-l', `127.0.0.1:${admin}`, '--fdname=web:admin'],
        ...['-E', 'PLAN', '-E', 'LASTCALL_WRAP_UP_TIME_MS', '-E', 'PATH', '-E', 'HOME'],
      ],
      args: [FIXTURE],
      plan: {
        '*': {
          sockets,
          setup: { bakeMs: 50 },
          env: ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'],
        },
      },
    });
    // The first connection starts the service.
    await logged(service, 'Listening on');
    const first = await ask(`127.0.0.1:${web}`);
    const old = await service.ready(1);
    expect(first).toBe(`1:${old}`);
    expect(await service.address('web', 1)).toBe(`127.0.0.1:${web}`);
    expect(await ask(`127.0.0.1:${admin}`)).toBe(`1:${old}`);
    send(old, 'SIGHUP');
    const next = await service.ready(2);
    await service.gone(old);
    expect(await ask(`127.0.0.1:${web}`)).toBe(`2:${next}`);
    expect(await ask(`127.0.0.1:${admin}`)).toBe(`2:${next}`);
    const { env } = await service.saw({ generation: 2, begun: true });
    expect(env).toEqual([null, null, null]);
  });

  itActivates('gives a socket to a program that knows its number, through upgrades', async () => {
    const port = await freePort();
    await using service = new Service({
      under: [
        'systemd-socket-activate',
        ...['-l', `127.0.0.1:${port}`],
        ...['-E', 'PLAN', '-E', 'LASTCALL_WRAP_UP_TIME_MS', '-E', 'PATH', '-E', 'HOME'],
      ],
      args: [FIXTURE],
      plan: { '*': { sockets: [{ name: 'web', fd: 3 }], setup: { bakeMs: 50 } } },
    });
    await logged(service, 'Listening on');
    expect(await ask(`127.0.0.1:${port}`)).toMatch(/^1:/);
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    const next = await service.ready(2);
    await service.gone(old);
    expect(await ask(`127.0.0.1:${port}`)).toBe(`2:${next}`);
  });

  itActivates(
    'warns of a socket that nobody asks for: who connects to it waits in vain',
    async () => {
      const [web, extra] = [await freePort(), await freePort()];
      await using service = new Service({
        under: [
          'systemd-socket-activate',
          ...['-l', `127.0.0.1:${web}`, '-l', `127.0.0.1:${extra}`, '--fdname=web:extra'],
          ...['-E', 'PLAN', '-E', 'LASTCALL_WRAP_UP_TIME_MS', '-E', 'PATH', '-E', 'HOME'],
        ],
        args: [FIXTURE],
        plan: { '*': { sockets: [{ name: 'web', port: web, host: '127.0.0.1' }] } },
      });
      await logged(service, 'Listening on');
      const first = await ask(`127.0.0.1:${web}`);
      const pid = await service.ready(1);
      expect(first).toBe(`1:${pid}`);
      const { message } = await service.saw({ warning: 'LASTCALL_SOCKET_NOT_ASKED_FOR' });
      expect(message).toContain(`'extra' (127.0.0.1:${extra})`);
      send(pid, 'SIGTERM');
      await service.closed;
      expect(service.events.filter(({ warning }) => warning !== undefined)).toHaveLength(1);
    },
  );

  itActivates('leaves the path of a unix socket to systemd', async () => {
    const path = join(temporaryDirectory(), 'activated.sock');
    await using service = new Service({
      under: [
        'systemd-socket-activate',
        ...['-l', path, '--fdname=web'],
        ...['-E', 'PLAN', '-E', 'LASTCALL_WRAP_UP_TIME_MS', '-E', 'PATH', '-E', 'HOME'],
      ],
      args: [FIXTURE],
      plan: { '*': { sockets: [{ name: 'web', path }] } },
    });
    await logged(service, 'Listening on');
    expect(await ask(path)).toMatch(/^1:/);
    const pid = await service.ready(1);
    send(pid, 'SIGTERM');
    await service.gone(pid);
    // Nobody listens any more, but the name is still there.
    await expect(ask(path)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

it.each(['99999999', '1e9', '-1', '1.5', 'two'])(
  'a number of sockets that cannot be is refused at once: LISTEN_FDS=%s',
  async (count) => {
    const given = `export LISTEN_PID=$$ LISTEN_FDS=${count}; exec "$@"`;
    await using service = new Service({ under: ['sh', '-c', given, 'sh'] });
    // Streams have been read to their ends by then.
    await service.closed;
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.err).toContain("code: 'LASTCALL_SOCKET_INVALID'");
    expect(service.err).toContain(
      `LISTEN_FDS must be how many sockets systemd has opened, at most 4096, got '${count}'`,
    );
  },
);
