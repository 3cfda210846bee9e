import { Service, send } from './harness/service';

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
});
