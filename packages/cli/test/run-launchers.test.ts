import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { logged } from '../../restart/test/harness/logged';
import { ask, isAlive, type Service, send } from '../../restart/test/harness/service';
import { commandRoom } from './harness/command-room';
import { endOf, supervisorOf } from './harness/run-service';

const room = commandRoom();
const { run } = room;

/** Enough for a request to be answered in the stop, and a second signal would cut it. */
const PATIENT = { LASTCALL_HAMMER_TIME_MS: '15000', LASTCALL_WAIT_TIME_MS: '16000' };

/** Stops the service while a request is in flight: that one is answered, and no process is left. */
async function stopsInOrder(service: Service, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  await service.ready(1);
  await stopsUnheard(service, signal);
}

/** The same where the supervisor does not hear what the service says: npm closes the descriptors in between. */
async function stopsUnheard(service: Service, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  const address = await service.address();
  const { pid } = await service.saw({ ready: true });
  const slow = ask(address, '/slow?ms=1500');
  await service.saw({ request: '/slow' });
  send(supervisorOf(service), signal);
  expect(await slow).toBe(`1:${pid}`);
  await service.saw({ pid, ok: true });
  await endOf(service);
  expect(isAlive(pid)).toBe(false);
}

describe('lastcall run of a launcher', () => {
  it('a shell dies of the signal at once: the service is asked to end, and the log says so', async () => {
    await using service = run({
      launcher: ['sh', '-c', '"$0" "$@"; exit 3'],
      env: PATIENT,
    });
    await stopsInOrder(service);
    expect(await endOf(service)).toEqual([null, 'SIGTERM']);
    await logged(
      service,
      /process \d+ \(sh\) has ended \(SIGTERM\) before what it had started: process \d+ \(.+\) is asked to end by SIGTERM, and killed after 1m 0s/,
    );
  });

  it.each(['SIGINT', 'SIGQUIT'] as const)(
    'a shell keeps %s from what it runs: it gets SIGTERM',
    async (signal) => {
      await using service = run({ launcher: ['bash', '-c', '"$0" "$@"; exit 3'], env: PATIENT });
      await stopsInOrder(service, signal);
    },
  );

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'npm with a script of two commands, by %s: its shell dies, the service ends in order',
    async (signal) => {
      const scripts = { start: 'true && env' };
      writeFileSync(join(room.folder, 'package.json'), JSON.stringify({ scripts }));
      const launcher = ['npm', 'start', '--prefix', room.folder, '--'];
      await using service = run({ launcher, env: PATIENT });
      await stopsUnheard(service, signal);
    },
    40_000,
  );

  it('npm that passes the signal on itself: the service gets one', async () => {
    const scripts = { start: 'exec env' };
    writeFileSync(join(room.folder, 'package.json'), JSON.stringify({ scripts }));
    const launcher = ['npm', 'start', '--prefix', room.folder, '--'];
    await using service = run({ launcher, env: PATIENT });
    await stopsUnheard(service);
    expect(service.err).not.toContain('before what it had started');
  }, 40_000);

  it('one that has passed the signal on, and does not wait: the service gets no second one', async () => {
    const script = 'trap "kill -TERM \\$pid; exit 0" TERM; "$0" "$@" & pid=$!; wait $pid';
    await using service = run({ launcher: ['sh', '-c', script], env: PATIENT });
    await stopsInOrder(service);
  });

  it('so it is with one through which the service cannot say that it stops', async () => {
    const start =
      'trap "kill -TERM \\$pid; exit 0" TERM; run() { env "$@" & pid=$!; wait $pid; }; run';
    writeFileSync(join(room.folder, 'package.json'), JSON.stringify({ scripts: { start } }));
    const launcher = ['npm', 'start', '--prefix', room.folder, '--'];
    await using service = run({ launcher, env: PATIENT });
    await stopsUnheard(service);
  }, 40_000);

  it('a job of a shell with a group of its own is found, too', async () => {
    const script = 'set -m; "$0" "$@" & wait $!; exit 3';
    await using service = run({ launcher: ['sh', '-c', script], env: PATIENT });
    await stopsInOrder(service);
  });

  it('the service does not end in time: it is killed, and the log says so', async () => {
    await using service = run({
      launcher: ['sh', '-c', '"$0" "$@"; exit 3'],
      options: ['--kill-timeout', '1'],
    });
    const pid = await service.ready(1);
    send(pid, 'SIGSTOP');
    send(supervisorOf(service), 'SIGTERM');
    await endOf(service);
    expect(isAlive(pid)).toBe(false);
    await logged(service, /has not ended within 1000 ms \(--kill-timeout\): it is killed/);
  });

  it('a second signal reaches the service, which cuts what is in flight', async () => {
    await using service = run({ launcher: ['sh', '-c', '"$0" "$@"; exit 3'], env: PATIENT });
    const address = await service.address();
    const pid = await service.ready(1);
    const slow = ask(address, '/slow?ms=14000').catch(() => 'cut');
    await service.saw({ request: '/slow' });
    send(supervisorOf(service), 'SIGTERM');
    await logged(service, 'is asked to end by SIGTERM');
    send(supervisorOf(service), 'SIGTERM');
    expect(await slow).toBe('cut');
    await endOf(service);
    expect(isAlive(pid)).toBe(false);
  });

  it('a launcher that is killed is started anew when its service has ended: there are never two', async () => {
    await using service = run({ launcher: ['sh', '-c', 'echo "shell $$" >&2; "$0" "$@"; exit 3'] });
    const first = await service.ready(1);
    const shell = Number((await logged(service, /shell \d+/)).slice('shell '.length));
    const since = service.events.length;
    send(shell, 'SIGKILL');
    const { pid } = await service.saw({ begun: true }, since);
    expect(pid).not.toBe(first);
    expect(isAlive(first)).toBe(false);
  });

  it('the time without the service counts from its end, though what it had started took longer', async () => {
    const script = '(exec 3>&- 4>&-; trap "" TERM; exec sleep 30) & exec "$0" "$@"';
    await using service = run({ launcher: ['sh', '-c', script] });
    const first = await service.ready(1);
    send(first, 'SIGKILL');
    await logged(service, /process \d+ \(sleep\) has not ended in time: killed/);
    // It had 2 s.
    await logged(service, /serves again, after ([2-9]|\d\d)\.\d s/);
    send(supervisorOf(service), 'SIGTERM');
    await endOf(service);
  });

  it('one that only starts the service, and ends, is told to stay', async () => {
    const flag = join(room.folder, 'flag');
    const script = `"$0" "$@" & until [ -e ${flag} ]; do sleep 0.05; done`;
    await using service = run({ launcher: ['sh', '-c', script] });
    const pid = await service.ready(1);
    writeFileSync(flag, '');
    expect(await endOf(service)).toEqual([0, null]);
    expect(isAlive(pid)).toBe(false);
    await logged(service, /\(sh\) has ended \(exit code 0\) before what it had started/);
  });
});
