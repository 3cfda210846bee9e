import { get } from './get';
import { type OrderedProgram, runProgram } from './run-program';

describe('/metrics', () => {
  let program: OrderedProgram;
  afterEach(() => program.kill('SIGKILL'));

  it('tells of process, event loop, lifecycle, listeners and work in flight', async () => {
    program = runProgram(`
      proc.health.addProbe('web').markReady();
      proc.onShutdown(() => {}, { stage: 'intake' });
      for (let i = 0; i < 3; i++) proc.activities.begin({ kind: 'job', name: 'j', owner: 'mail "x"' });
      const pool = (state, value) => ({ name: 'lastcall_pool_connections', help: 'Connections', labels: { pool: 'orders', state }, value });
      proc.gauges.addSource(() => [pool('idle', 2), pool('in use', 3)]);
      proc.gauges.addSource(() => { throw new Error('broken source'); });
      up();`);
    const port = await program.port;
    const first = await get(port, '/metrics');
    expect(first.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    for (const line of [
      /^process_cpu_seconds_total \d/m,
      /^process_resident_memory_bytes \d{7,}$/m,
      /^process_start_time_seconds \d{10}/m,
      /^nodejs_heap_size_used_bytes \d/m,
      /^nodejs_eventloop_active_seconds_total \d/m,
      /^nodejs_version_info\{version="v\d+/m,
      /^lastcall_state\{state="running"\} 1$/m,
      /^lastcall_state\{state="stopped"\} 0$/m,
      /^lastcall_ready 1$/m,
      /^lastcall_probe_ready\{probe="web"\} 1$/m,
      /^lastcall_listeners\{stage="intake",state="waiting"\} 1$/m,
      /^lastcall_in_flight\{kind="job",owner="mail \\"x\\""\} 3$/m,
      /^lastcall_pool_connections\{pool="orders",state="idle"\} 2$/m,
      /^lastcall_pool_connections\{pool="orders",state="in use"\} 3$/m,
      /^lastcall_main_thread_responsive 1$/m,
    ])
      expect(first.text).toMatch(line);
  });

  it('are in the format of OpenMetrics for those who ask', async () => {
    program = runProgram('up();');
    const headers = { accept: 'application/openmetrics-text; version=1.0.0,text/plain;q=0.5' };
    const answer = await get(await program.port, '/metrics', { headers });
    expect(answer.headers['content-type']).toMatch(/^application\/openmetrics-text/);
    expect(answer.text).toMatch(/^# TYPE process_cpu_seconds counter$/m);
    expect(answer.text).toMatch(/^process_cpu_seconds_total \d/m);
    expect(answer.text).not.toContain('_total_total');
    expect(answer.text.endsWith('# EOF\n')).toBe(true);
  });

  it('count what was drained and cut', async () => {
    program = runProgram(`
      proc.onShutdown(() => ({ drained: 7, cut: ['a', 'b'] }), { name: 'web', stage: 'intake' });
      proc.onShutdown(() => { say('drained'); return new Promise(() => {}); }, { stage: 'work' });
      up();`);
    const port = await program.port;
    program.kill('SIGTERM');
    await program.saw('drained');
    const { text } = await get(port, '/metrics');
    expect(text).toMatch(/^lastcall_drained_total\{listener="web"\} 7$/m);
    expect(text).toMatch(/^lastcall_cut_total\{listener="web"\} 2$/m);
    expect(text).toMatch(/^lastcall_state\{state="shutting-down"\} 1$/m);
  });

  it("show the program's own registry, which wins over ours", async () => {
    program = runProgram(`
      const { Registry, Counter, Histogram, collectDefaultMetrics } = require('prom-client');
      const register = new Registry();
      collectDefaultMetrics({ register });
      new Counter({ name: 'orders_total', help: 'Orders', labelNames: ['shop'], registers: [register] }).inc({ shop: 'x' }, 4);
      new Histogram({ name: 'took_seconds', help: 'Took', buckets: [1, 2], registers: [register] }).observe(1.5);
      up({ metrics: register });`);
    const port = await program.port;
    const { text } = await get(port, '/metrics');
    expect(text).toMatch(/^orders_total\{shop="x"\} 4$/m);
    expect(text).toMatch(/^took_seconds_bucket\{le="2"\} 1$/m);
    expect(text.match(/^# TYPE process_resident_memory_bytes gauge$/gm)).toHaveLength(1);
    expect(text).toMatch(/^lastcall_own_metrics_failed 0$/m);
    const headers = { accept: 'application/openmetrics-text' };
    const open = await get(port, '/metrics', { headers });
    expect(open.text).toMatch(/^orders_total\{shop="x"\} 4$/m);
    expect(open.text).not.toContain('_total_total');
  });

  it("go on without the program's own registry when that throws", async () => {
    program = runProgram(
      `up({ metrics: { getMetricsAsJSON: () => Promise.reject(new Error('broken')) } });`,
    );
    const { status, text } = await get(await program.port, '/metrics');
    expect(status).toBe(200);
    expect(text).toMatch(/^lastcall_own_metrics_failed 1$/m);
  });
});
