import { ask, isAlive, Service, send } from './harness/service';

const crons = (service: Service) =>
  service.events
    .filter(({ cron }) => cron !== undefined)
    .map(({ generation, cron }) => `${generation} ${cron}`);

describe('a component that must not run twice', () => {
  it('is released before the new generation starts, and starts there when the old one is gone', async () => {
    await using service = new Service({ plan: { '*': { cron: true, setup: { bakeMs: 100 } } } });
    const old = await service.ready(1);
    await service.saw({ generation: 1, cron: 'parentGone' });
    send(old, 'SIGHUP');
    await service.saw({ generation: 2, cron: 'after parent-gone' });
    await service.saw({ generation: 2, cron: 'parentGone' });
    expect(crons(service).slice(0, 2)).toEqual(['1 parentGone', '1 before']);
    expect(crons(service).slice(2).sort()).toEqual(['2 after parent-gone', '2 parentGone']);
    const order = service.events.map(({ cron, step, begun, generation }) =>
      cron === 'before' ? 'before' : begun && generation === 2 ? 'begun' : step,
    );
    expect(order.indexOf('before')).toBeLessThan(order.indexOf('begun'));
  });

  it('is taken back when the upgrade fails', async () => {
    await using service = new Service({ plan: { '*': { cron: true }, 2: { fault: 'ready' } } });
    const old = await service.ready(1);
    send(old, 'SIGHUP');
    await service.saw({ generation: 1, cron: 'after failed' });
    expect(crons(service).filter((line) => line.startsWith('1'))).toEqual([
      '1 parentGone',
      '1 before',
      '1 after failed',
    ]);
  });

  it('waits for every older generation, though the one before has ended', async () => {
    await using service = new Service({
      plan: { '*': { cron: true, setup: { bakeMs: 100 } } },
      env: { LASTCALL_HAMMER_TIME_MS: '60000', LASTCALL_WAIT_TIME_MS: '61000' },
    });
    const address = await service.address();
    const first = await service.ready(1);
    const slow = ask(address, '/slow?ms=60000').catch(() => 'cut');
    await service.saw({ request: '/slow' });
    send(first, 'SIGHUP');
    await service.saw({ pid: first, step: 'done' });
    const second = await service.ready(2);
    send(second, 'SIGHUP');
    await service.ready(3);
    await service.gone(second);
    await service.saw({ generation: 3, step: 'parent-gone' });
    expect(isAlive(first)).toBe(true);
    expect(crons(service)).not.toContain('3 parentGone');
    send(first, 'SIGKILL');
    expect(await slow).toBe('cut');
    await service.saw({ generation: 3, cron: 'after parent-gone' });
    await service.saw({ generation: 3, cron: 'parentGone' });
  });

  it('and is all that the service does, is waited for', async () => {
    await using service = new Service({
      plan: { '*': { sockets: [], consumer: true } },
      env: { LASTCALL_WRAP_UP_TIME_MS: '300' },
    });
    for (const generation of [1, 2]) {
      const { pid } = await service.saw({ generation, consumes: true });
      send(pid, 'SIGHUP');
    }
    const { pid } = await service.saw({ generation: 3, consumes: true });
    send(pid, 'SIGTERM');
    await service.saw({ pid, report: 'SIGTERM', ok: true });
  });
});
