import { once } from 'node:events';
import http from 'node:http';
import { get } from './get';
import { type OrderedProgram, runProgram } from './run-program';

/** Opens a stream of statuses; `next()` gives one after the other. */
async function openStream(
  port: number,
): Promise<{ next(): Promise<Record<string, never> | undefined>; close(): void; status: number }> {
  const request = http.get({ host: '127.0.0.1', port, path: '/debug/stream', agent: false });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.setEncoding('utf8').on('error', () => {});
  const blocks = readBlocks(response);
  const next = async (): Promise<Record<string, never> | undefined> => {
    const { value, done } = await blocks.next();
    return done === true ? undefined : JSON.parse(value.replace(/^event: status\ndata: /, ''));
  };
  return { next, close: () => request.destroy(), status: response.statusCode ?? 0 };
}

async function* readBlocks(response: http.IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of response) {
    const blocks = (rest + String(chunk)).split('\n\n');
    rest = blocks.pop() ?? '';
    yield* blocks;
  }
}

describe('/debug/status', () => {
  let program: OrderedProgram;
  afterEach(() => program.kill('SIGKILL'));

  it('tells all that a dashboard shows', async () => {
    program = runProgram(`
      proc.health.addProbe('web').markReady();
      for (let i = 0; i < 300; i++) proc.activities.begin({ kind: 'job', name: 'job ' + i, owner: 'mail' });
      proc.onShutdown(() => {}, { name: 'pool' });
      up();`);
    const { headers, text } = await get(await program.port, '/debug/status');
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    const status = JSON.parse(text);
    expect(Object.keys(status).toSorted()).toEqual([
      'activities',
      'activityCounts',
      'debuggable',
      'lifecycle',
      'loop',
      'mainThread',
      'memory',
      'process',
      'profiling',
      'time',
    ]);
    expect(status.process).toMatchObject({ pid: program.child.pid, node: process.version });
    expect(status.lifecycle.listeners.map((one: { name: string }) => one.name)).toEqual([
      'pool',
      'devserver',
    ]);
    expect(status.lifecycle.health).toEqual({
      ready: true,
      stopping: false,
      probes: [{ name: 'web', ready: true }],
    });
    expect(status.activities).toHaveLength(200);
    expect(status.activities[0]).toMatchObject({ kind: 'job', owner: 'mail' });
    expect(status.activityCounts).toEqual({ job: 300 });
    expect(status.memory.rssBytes).toBeGreaterThan(1e6);
    expect(new Date(status.time).toISOString()).toBe(status.time);
  });

  it('watches the event loop from the first look on', async () => {
    program = runProgram('up();');
    const port = await program.port;
    const first = JSON.parse((await get(port, '/debug/status')).text);
    expect(first.loop.delayMs).toBeNull();
    let loop = first.loop;
    for (const end = Date.now() + 5000; loop.delayMs === null && Date.now() < end; )
      ({ loop } = JSON.parse((await get(port, '/debug/status')).text));
    expect(loop.delayMs).toEqual({
      p50: expect.any(Number),
      p99: expect.any(Number),
      max: expect.any(Number),
    });
  });

  it('survives what a program may put into activities', async () => {
    program = runProgram(`
      proc.activities.begin({ kind: 'job', name: 'a', owner: Symbol('x') });
      proc.activities.addSource(() => { throw new Error('broken'); });
      proc.activities.addSource(() => [{ kind: 'x'.repeat(10000), name: 'b', ageMs: 1, ageAtLeast: true, extra: () => {} }]);
      proc.activities.addSource(() => [{ kind: 'job', name: 1n, ageMs: NaN }]);
      up();`);
    const { status, text } = await get(await program.port, '/debug/status');
    expect(status).toBe(200);
    const { activities } = JSON.parse(text) as { activities: object[] };
    expect(activities).toHaveLength(2);
    expect(activities).toContainEqual(expect.objectContaining({ name: 'b', ageAtLeast: true }));
  });
});

describe('/debug/stream', () => {
  let program: OrderedProgram;
  afterEach(() => program.kill('SIGKILL'));

  it('sends the status again and again, and the last one at the end', async () => {
    program = runProgram(`
      proc.onShutdown(() => {}, { name: 'pool', stage: 'resources' });
      up();`);
    const stream = await openStream(await program.port);
    expect(stream.status).toBe(200);
    expect(await stream.next()).toMatchObject({ lifecycle: { state: 'running' } });
    expect(await stream.next()).toMatchObject({ lifecycle: { state: 'running' } });
    program.kill('SIGTERM');
    let last: unknown;
    for (let now = await stream.next(); now !== undefined; now = await stream.next()) last = now;
    expect(last).toMatchObject({ lifecycle: { state: 'shutting-down', stage: 'telemetry' } });
    expect((await program.ended).signal).toBe('SIGTERM');
  });

  it('has eight watchers at most, and room again when one goes', async () => {
    program = runProgram('up();');
    const port = await program.port;
    const streams = await Promise.all(Array.from({ length: 8 }, () => openStream(port)));
    expect(await get(port, '/debug/stream')).toMatchObject({
      status: 503,
      text: '8 clients watch already\n',
    });
    streams[0]?.close();
    let again = await openStream(port);
    for (const end = Date.now() + 5000; again.status === 503 && Date.now() < end; )
      again = await openStream(port);
    expect(again.status).toBe(200);
    for (const stream of [...streams, again]) stream.close();
  });
});
