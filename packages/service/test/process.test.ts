import { runFixture } from './run-fixture';

describe('a microservice in a process of its own', () => {
  it('stops at SIGTERM: the job in hand is done, then the pool closes, then it dies by the signal', async () => {
    const orders = runFixture('orders');
    await orders.saw('ready');
    orders.kill('SIGTERM');
    const { code, signal, out, err } = await orders.ended;
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGTERM' });
    expect(out).toMatch(/job done\npool stops\nstopped: ok\n$/);
    expect(err).toMatch(/work +orders +ok/);
    expect(err).toMatch(/1 listener, all ok; ends by SIGTERM/);
  });

  it('stops what has started when SIGTERM comes during the start', async () => {
    const orders = runFixture('orders', 'connecting');
    await orders.saw('connecting');
    orders.kill('SIGTERM');
    const { code, signal, out } = await orders.ended;
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGTERM' });
    expect(out).toMatch(/pool stops\nstopped: ok\n$/);
    expect(out).not.toContain('not ready');
  });

  it('ends with exit code 1, and says why, when a service fails to start', async () => {
    const { code, signal, out, err } = await runFixture('orders', 'failing').ended;
    expect({ code, signal }).toEqual({ code: 1, signal: null });
    expect(out).toMatch(/pool stops\nstopped: not ok\nnot ready: LASTCALL_SERVICE_FAILED\n$/);
    expect(err).toMatch(/stopping \(service failing failed\)/);
    expect(err).toMatch(/service 'failing' failed to start: connect ECONNREFUSED 127.0.0.1:5432/);
  });

  it('stops what has started when nobody catches that another service has failed', async () => {
    const { code, signal, out, err } = await runFixture('orders', 'failing', 'uncaught').ended;
    expect({ code, signal }).toEqual({ code: 1, signal: null });
    expect(out).toMatch(/pool stops\nstopped: not ok\n$/);
    expect(err).toMatch(/connect ECONNREFUSED 127.0.0.1:5432/);
  });

  it('names the service that hangs, stops the others, and ends in time', async () => {
    const orders = runFixture('orders', 'hanging');
    await orders.saw('ready');
    orders.kill('SIGTERM');
    const { signal, out, err } = await orders.ended;
    expect(signal).toBe('SIGTERM');
    // The hammer tells pool and worker at once, so their order is open.
    expect(out).toMatch(/pool stops\n/);
    expect(out.lastIndexOf('job done')).toBeGreaterThan(out.lastIndexOf('job begins'));
    expect(out).toMatch(/stopped: not ok\n$/);
    expect(err).toMatch(/service 'hanging' failed to stop: it had not settled/);
  });
});
