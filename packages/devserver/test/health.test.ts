import { get } from './get';
import { type OrderedProgram, runProgram } from './run-program';

describe('health checks', () => {
  let program: OrderedProgram;
  afterEach(() => program.kill('SIGKILL'));

  it('tell readiness, life and start as the lifecycle knows them', async () => {
    program = runProgram(`const web = proc.health.addProbe('web'); up();`);
    const port = await program.port;
    expect(await get(port, '/livez')).toMatchObject({ status: 200, text: 'OK' });
    expect(await get(port, '/startupz')).toMatchObject({ status: 503 });
    const notReady = { status: 503, text: 'Service Unavailable\nweb is not ready\n' };
    expect(await get(port, '/readyz')).toMatchObject(notReady);
    expect(await get(port, '/healthz')).toMatchObject(notReady);

    program.order(`web.markReady(); say('ready');`);
    await program.saw('ready');
    for (const path of ['/readyz', '/healthz', '/startupz', '/livez'])
      expect(await get(port, path)).toMatchObject({ status: 200, text: 'OK' });

    program.order(`web.markNotReady(); say('no more');`);
    await program.saw('no more');
    expect(await get(port, '/readyz')).toMatchObject(notReady);
    expect(await get(port, '/startupz')).toMatchObject({ status: 200 });
  });

  it('say that there is no probe', async () => {
    program = runProgram('up();');
    expect(await get(await program.port, '/readyz')).toMatchObject({
      status: 503,
      text: 'Service Unavailable\nthere is no probe\n',
    });
  });

  it('say that the process is stopping, and that it lives', async () => {
    program = runProgram(`
      proc.health.addProbe('web').markReady();
      proc.onWrapUp(() => { say('stopping'); return new Promise(() => {}); });
      proc.onShutdown(() => new Promise(() => {}), { stage: 'intake' });
      up();`);
    const port = await program.port;
    program.kill('SIGTERM');
    await program.saw('stopping');
    const answer = await get(port, '/readyz');
    expect(answer.status).toBe(503);
    expect(answer.text).toContain('the process is stopping\n');
    expect(await get(port, '/livez')).toMatchObject({ status: 200 });
  });

  it('answer HEAD without a body', async () => {
    program = runProgram('up();');
    const port = await program.port;
    expect(await get(port, '/livez', { method: 'HEAD' })).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-length': '2' },
    });
  });
});
