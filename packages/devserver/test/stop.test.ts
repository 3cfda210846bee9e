import { once } from 'node:events';
import http from 'node:http';
import { get } from './get';
import { type OrderedProgram, runProgram } from './run-program';

describe('a stop', () => {
  let program: OrderedProgram;
  afterEach(() => program.kill('SIGKILL'));

  it('leaves the devserver up until its last stage', async () => {
    program = runProgram(`
      for (const stage of ['intake', 'work', 'resources', 'telemetry']) {
        proc.onShutdown(() => new Promise((resolve) => { globalThis.next = resolve; say('in ' + stage); }), { stage, name: stage });
      }
      proc.events.on('listenerEnd', ({ name, outcome }) => say(name + ' ended ' + outcome));
      up();`);
    const port = await program.port;
    program.kill('SIGTERM');
    for (const stage of ['intake', 'work', 'resources']) {
      await program.saw(`in ${stage}`);
      const { lifecycle } = JSON.parse((await get(port, '/debug/status')).text);
      expect(lifecycle).toMatchObject({ state: 'shutting-down', stage, signal: 'SIGTERM' });
      const report = JSON.parse((await get(port, '/debug/report')).text);
      expect(report).toMatchObject({ final: false, lifecycle: { stage } });
      program.order('next();');
    }
    await program.saw('in telemetry');
    await program.saw('devserver ended ok');
    await expect(get(port, '/livez')).rejects.toThrow(/ECONNREFUSED/);
    program.order('next();');
    expect(await program.ended).toMatchObject({ signal: 'SIGTERM', err: '' });
  });

  it('is not held up by profiles, streams and connections', async () => {
    program = runProgram(`
      proc.events.on('report', ({ report }) => {
        const { outcome } = report.listeners.find(({ name }) => name === 'devserver');
        say('devserver ' + outcome + ', stop ' + report.ok + '.');
      });
      up();`);
    const port = await program.port;
    const profile = get(port, '/debug/pprof/heap?seconds=60');
    const requests = ['/debug/pprof/profile?seconds=60', '/debug/stream'].map((path) =>
      http.get({ host: '127.0.0.1', port, path, agent: false }),
    );
    for (const request of requests) request.on('error', () => {});
    const [stream] = requests.slice(-1);
    if (stream !== undefined) await once(stream, 'response');
    program.kill('SIGTERM');
    await program.saw('devserver ok, stop true.');
    expect((await program.ended).signal).toBe('SIGTERM');
    expect(await profile).toMatchObject({
      status: 503,
      text: expect.stringContaining('the devserver was closed'),
    });
  });

  it('that comes while the devserver starts ends both', async () => {
    program = runProgram(`
      startDevserver({ port: 0 }).then(() => say('started'), (error) => say(error.code));
      process.kill(process.pid, 'SIGTERM');`);
    expect((await program.ended).signal).toBe('SIGTERM');
  });

  it('of another lifecycle is shown, too', async () => {
    program = runProgram(`
      const lifecycle = createLifecycle();
      lifecycle.setup({ logger: false, exit: 'none', wrapUpTimeMs: 0 });
      lifecycle.onShutdown(() => { say('in work'); return new Promise(() => {}); }, { stage: 'work', name: 'mine' });
      up({ lifecycle }).then(() => lifecycle.shutdown('over'));`);
    const port = await program.port;
    await program.saw('in work');
    const { lifecycle } = JSON.parse((await get(port, '/debug/status')).text);
    expect(lifecycle).toMatchObject({ state: 'shutting-down', reason: 'over', stage: 'work' });
  });
});
