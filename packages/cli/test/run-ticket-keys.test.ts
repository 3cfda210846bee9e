import { itWith } from '../../proc/test/harness/needs';
import { freePort } from '../../restart/test/harness/free-port';
import { logged } from '../../restart/test/harness/logged';
import type { Service } from '../../restart/test/harness/service';
import { handshake } from '../../restart/test/harness/tls-client';
import { commandRoom } from './harness/command-room';
import { supervisorOf } from './harness/run-service';
import { succeeded } from './harness/succeeded';

const room = commandRoom();

async function portOf(service: Service): Promise<number> {
  await service.ready(1);
  const { address } = await service.saw({ name: 'tls', generation: 1 });
  return Number(String(address).split(':')[1]);
}

async function reload(service: Service): Promise<void> {
  await succeeded(room.lastcall('reload', String(supervisorOf(service)), '--wait-drained'));
}

describe('a client resumes its TLS session after an upgrade', () => {
  it('of a service that binds its socket itself', async () => {
    await using service = room.run({ fixture: 'kinds.cjs' });
    const port = await portOf(service);
    const { ticket } = await handshake(port);
    await reload(service);
    expect(await handshake(port, ticket)).toMatchObject({ reused: true, text: '2' });
  });

  it('of a service that hands the keys over since the last upgrade only', async () => {
    await using service = room.run({ fixture: 'kinds.cjs', env: { TICKET_KEYS_FROM: '2' } });
    const port = await portOf(service);
    await reload(service);
    const { ticket } = await handshake(port);
    await reload(service);
    expect(await handshake(port, ticket)).toMatchObject({ reused: true, text: '3' });
  });

  itWith(['systemd-socket-activate'])('of a service whose socket systemd has bound', async () => {
    const port = await freePort();
    const passed = ['PLAN', 'PATH', 'HOME', 'LASTCALL_WRAP_UP_TIME_MS', 'LASTCALL_CONTROL_DIR'];
    const environment = passed.flatMap((name) => ['-E', name]);
    const listen = ['-l', `127.0.0.1:${port}`, '--fdname=tls'];
    await using service = room.run({
      fixture: 'kinds.cjs',
      under: ['systemd-socket-activate', ...listen, ...environment],
    });
    await logged(service, 'Listening on');
    const { ticket, text } = await handshake(port);
    expect(text).toBe('1');
    await service.ready(1);
    await reload(service);
    expect(await handshake(port, ticket)).toMatchObject({ reused: true, text: '2' });
  });
});
