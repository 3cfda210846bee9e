import { itWith } from '../../proc/test/harness/needs';
import { logged } from '../../restart/test/harness/logged';
import { NotifySocket } from '../../restart/test/harness/notify-socket';
import { hold, send } from '../../restart/test/harness/service';
import { commandRoom } from './harness/command-room';
import { supervisorOf } from './harness/run-service';

const room = commandRoom();

itWith(['python3', 'systemd-notify'])(
  'systemd is told of an upgrade that is refused: it would wait for it',
  async () => {
    using systemd = await NotifySocket.open();
    await using service = room.run({
      env: {
        NOTIFY_SOCKET: systemd.path,
        LASTCALL_MAX_GENERATIONS: '2',
        LASTCALL_HAMMER_TIME_MS: '60000',
        LASTCALL_WAIT_TIME_MS: '61000',
      },
    });
    const old = await service.ready(1);
    const held = hold(await service.address());
    await service.saw({ request: '/held' });
    send(supervisorOf(service), 'SIGHUP');
    await systemd.saw('READY=1', 'STATUS=generation 2 serves');
    const count = systemd.got.length;
    send(supervisorOf(service), 'SIGHUP');
    await logged(service, 'no upgrade');
    await systemd.when('the answer', () => (systemd.got.length >= count + 2 ? true : undefined));
    const [begun = '', over] = systemd.got.slice(count).map(({ text }) => text);
    expect(begun).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
    expect(over).toMatch(/^READY=1\nSTATUS=.*LASTCALL_UPGRADE_TOO_MANY_GENERATIONS/);
    held.release();
    expect(await held.answer).toBe(`1:${old}`);
  },
);
