import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { itWith } from '../../proc/test/harness/needs';
import { logged } from '../../restart/test/harness/logged';
import { NotifySocket } from '../../restart/test/harness/notify-socket';
import { ask, send } from '../../restart/test/harness/service';
import { commandRoom } from './harness/command-room';
import { endOf, supervisorOf, workersOf } from './harness/run-service';
import { succeeded } from './harness/succeeded';

const room = commandRoom();
const { lastcall, run } = room;
const itNotifies = itWith(['python3', 'systemd-notify']);

/** Only the first process becomes the service, until a file is there; the others do something else. */
function onlyTheFirst(others: string): { readonly launcher: readonly string[]; mend(): void } {
  const [first, mended] = [join(room.folder, 'first'), join(room.folder, 'mended')];
  const script = `mkdir ${first} 2>/dev/null || [ -e ${mended} ] || ${others}; exec "$0" "$@"`;
  return { launcher: ['sh', '-c', script], mend: () => writeFileSync(mended, '') };
}

describe('a worker of several that is given up before it was ever ready', () => {
  itNotifies('systemd is told that the others serve, and who does not', async () => {
    using systemd = await NotifySocket.open();
    const { launcher, mend } = onlyTheFirst('exit 7');
    const options = ['--workers', '2', '--max-restarts', '2'];
    await using service = run({ launcher, options, env: { NOTIFY_SOCKET: systemd.path } });
    const address = await service.address();
    const { pid } = await service.saw({ generation: 1, ready: true });
    // The start lasts: systemd would give it up.
    await systemd.saw(
      /^EXTEND_TIMEOUT_USEC=\d+$/,
      /^STATUS=worker 1: process \d+ ended \(exit code 7\)/,
    );
    await systemd.saw(
      'READY=1',
      `MAINPID=${supervisorOf(service)}`,
      'STATUS=worker 0 serves generation 1, worker 1 does not serve',
    );
    await logged(service, '3 times in a row: given up (--max-restarts)');
    await logged(service, 'worker 0 serves generation 1, worker 1 does not serve; lastcall reload');
    expect(await ask(address)).toBe(`1:${pid}`);
    mend();
    await succeeded(lastcall('reload', String(supervisorOf(service))));
    await workersOf(service, 2, 2);
    await logged(service, '2 workers are ready');
    await systemd.saw('READY=1', 'STATUS=generation 2 serves');
  });

  it('also one that hangs each time: that it has lived does not count', async () => {
    const { launcher } = onlyTheFirst('exec sleep 60');
    // So long may the first one take on a busy machine.
    const options = ['--workers', '2', '--max-restarts', '1', '--ready-timeout', '5'];
    await using service = run({ launcher, options });
    await logged(service, '2 times in a row: given up (--max-restarts)');
    await logged(service, 'worker 0 serves generation 1, worker 1 does not serve');
    send(supervisorOf(service), 'SIGTERM');
    await endOf(service);
  });
});
