import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import { itWith } from '../../proc/test/harness/needs';
import { get } from './get';
import { type OrderedProgram, runProgram } from './run-program';

const run = promisify(execFile);

/** Keeps the process at work, and allocating; five functions wait for a lock that is never free. */
const SERVICE = `
  globalThis.kept = [];
  function burn() { let x = 0; for (let i = 0; i < 2e6; i++) x = (x * 31 + i) | 0; return x; }
  function allocate() { const some = []; for (let i = 0; i < 2000; i++) some.push({ i, text: 'x' + i }); kept.push(some); if (kept.length > 20) kept.shift(); }
  setInterval(function work() { burn(); allocate(); }, 5);
  globalThis.lock = new Promise(() => {});
  async function waitForLock() { await lock; }
  async function handle() { await waitForLock(); }
  globalThis.handlers = Array.from({ length: 5 }, () => handle());
  up();`;

describe('/debug/pprof/', () => {
  let program: OrderedProgram;
  let port: number;
  beforeAll(async () => {
    program = runProgram(SERVICE, { LASTCALL_DUMP_DIR: mkdtempSync(join(tmpdir(), 'lastcall-')) });
    port = await program.port;
  });
  afterAll(() => program.kill('SIGKILL'));

  /** What `go tool pprof` says of a profile that it fetches itself. */
  async function goPprof(path: string, ...flags: string[]): Promise<string> {
    const env = { ...process.env, PPROF_TMPDIR: mkdtempSync(join(tmpdir(), 'lastcall-')) };
    const url = `http://127.0.0.1:${port}/debug/pprof/${path}`;
    const { stdout } = await run('go', ['tool', 'pprof', '-top', ...flags, url], {
      env,
      timeout: 20_000,
    });
    return stdout;
  }

  itWith(['go'])('profile is read by go tool pprof', async () => {
    const top = await goPprof('profile?seconds=1');
    expect(top).toContain('Type: cpu');
    // What V8 has inlined before the profile began shows under its caller.
    expect(top).toMatch(/ (burn|work)$/m);
    expect(top).toMatch(/Duration: 1\.?\d*s/);
  });

  itWith(['go'])('heap and allocs are read by go tool pprof', async () => {
    const heap = await goPprof('heap?seconds=1');
    expect(heap).toContain('Type: inuse_space');
    expect(heap).toMatch(/ (allocate|work)$/m);
    const allocs = await goPprof('allocs?seconds=1');
    expect(allocs).toContain('Type: alloc_space');
    expect(allocs).toMatch(/ (allocate|work)$/m);
  });

  itWith(['go'])('goroutine is read by go tool pprof', async () => {
    const top = await goPprof('goroutine');
    expect(top).toContain('Type: goroutine');
    expect(top).toMatch(/^ +5 .* waitForLock$/m);
    expect(top).toMatch(/^ +0 .* 5 .* handle$/m);
  });

  it('profile gives samples, wall time and CPU time by function', async () => {
    const { status, headers, bytes } = await get(port, '/debug/pprof/profile?seconds=1');
    expect(status).toBe(200);
    expect(headers['content-disposition']).toBe('attachment; filename="profile"');
    const profile = Profile.decode(gunzipSync(bytes));
    const { strings } = profile.stringTable;
    expect(
      profile.sampleType.map(({ type, unit }) => [strings[Number(type)], strings[Number(unit)]]),
    ).toEqual([
      ['samples', 'count'],
      ['wall', 'nanoseconds'],
      ['cpu', 'nanoseconds'],
    ]);
    expect(strings).toContain('work');
    expect(strings).not.toContain('(idle)');
    expect(Number(profile.durationNanos)).toBeGreaterThan(9e8);
  });

  it('profile, heap and allocs are given as DevTools reads them', async () => {
    const cpu = JSON.parse(
      (await get(port, '/debug/pprof/profile?seconds=1&format=cpuprofile')).text,
    );
    expect(Object.keys(cpu)).toEqual(expect.arrayContaining(['nodes', 'samples', 'timeDeltas']));
    for (const name of ['heap', 'allocs']) {
      const path = `/debug/pprof/${name}?seconds=1&format=heapprofile`;
      expect(JSON.parse((await get(port, path)).text).head.callFrame.functionName).toBe('(root)');
    }
  });

  it('goroutine is text with debug=1, and the whole dump with debug=2', async () => {
    const groups = await get(port, '/debug/pprof/goroutine?debug=1');
    expect(groups.text).toMatch(/^goroutine profile: total \d+$/m);
    expect(groups.text).toMatch(/^5 @ \S+$/m);
    expect(groups.text).toMatch(/^#\twaitForLock\t\S*:\d+:\d+$/m);
    const whole = await get(port, '/debug/pprof/goroutine?debug=2');
    expect(whole).toMatchObject({ status: 200 });
    expect(whole.text).toMatch(/^=== lastcall dump: /);
  });

  it('goroutine and dump say how to have by HTTP what they left out, and that works', async () => {
    const forced = await get(port, '/debug/pprof/goroutine?debug=1&awaits=always');
    expect(forced.text).toMatch(/^5 @ \S+$/m);
    // Another search is too soon now; an answer may be the one of a moment ago.
    let { text } = await get(port, '/debug/dump');
    for (const end = Date.now() + 3000; !text.includes('the last search') && Date.now() < end; )
      ({ text } = await get(port, '/debug/dump'));
    expect(text).toMatch(/must pass between two\n +to have it anyway, ask with \?awaits=always\n/);
    const { text: all } = await get(port, '/debug/dump?awaits=always');
    expect(all).toMatch(/await sites: \d+ suspended functions in/);
    expect(all).not.toContain('to have it anyway');
  });

  it('one profile of a kind is taken at a time, of different kinds at once', async () => {
    const request = http.get({
      host: '127.0.0.1',
      port,
      path: '/debug/pprof/profile?seconds=60',
      agent: false,
    });
    request.on('error', () => {});
    let answer = await get(port, '/debug/pprof/profile?seconds=1');
    for (const end = Date.now() + 5000; answer.status !== 409 && Date.now() < end; )
      answer = await get(port, '/debug/pprof/profile?seconds=1');
    expect(answer).toMatchObject({ status: 409, headers: { 'retry-after': '5' } });
    expect(await get(port, '/debug/pprof/heap?seconds=1')).toMatchObject({ status: 200 });
    // The client goes: its profile ends, and there is room for the next.
    request.destroy();
    for (const end = Date.now() + 5000; answer.status === 409 && Date.now() < end; )
      answer = await get(port, '/debug/pprof/profile?seconds=1');
    expect(answer.status).toBe(200);
  });

  it('the heap is not sampled while another profiler does, which goes on', async () => {
    program.order(
      "{ const { Session } = require('node:inspector'); globalThis.other = new Session(); other.connect();" +
        "other.post('HeapProfiler.startSampling', { samplingInterval: 32768 }, () => say('other samples')); }",
    );
    await program.saw('other samples');
    for (const name of ['heap', 'allocs'])
      expect(await get(port, `/debug/pprof/${name}?seconds=1`)).toMatchObject({ status: 409 });
    program.order(
      "other.post('HeapProfiler.stopSampling', (error) => { other.disconnect(); say('other ' + (error?.message ?? 'is done')); });",
    );
    await program.saw('other is done');
    expect(await get(port, '/debug/pprof/heap?seconds=1')).toMatchObject({ status: 200 });
  });

  it('the heap is not sampled while the process does so itself', async () => {
    program.order("proc.startProfile({ kinds: ['heap'] }).then(() => say('sampling'));");
    await program.saw('sampling');
    for (const name of ['heap', 'allocs'])
      expect(await get(port, `/debug/pprof/${name}?seconds=1`)).toMatchObject({ status: 409 });
    const status = JSON.parse((await get(port, '/debug/status')).text);
    expect(status.profiling).toBe(true);
    program.order("proc.stopProfile().then(() => say('sampled'));");
    await program.saw('sampled');
    expect(await get(port, '/debug/pprof/heap?seconds=1')).toMatchObject({ status: 200 });
  });

  it('the index is found without the slash at its end', async () => {
    const { status, headers } = await get(port, '/debug/pprof');
    expect({ status, location: headers.location }).toEqual({
      status: 301,
      location: '/debug/pprof/',
    });
  });

  it('the index leads to what there is', async () => {
    const { text, headers } = await get(port, '/debug/pprof/');
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    for (const name of ['allocs', 'cmdline', 'goroutine', 'heap', 'profile'])
      expect(text).toContain(name);
  });
});

it('/debug/pprof/cmdline shows no secrets', async () => {
  const program = runProgram(`
    process.argv.push('--db', 'postgres://app:hunter2@db/orders', '--api-token', 'hunter3', '--password=hunter4', '--port=1');
    up();`);
  const { text } = await get(await program.port, '/debug/pprof/cmdline');
  program.kill('SIGKILL');
  expect(text).not.toContain('hunter');
  expect(text.split('\0')).toEqual(
    expect.arrayContaining(['postgres://app:***@db/orders', '--password=***', '--port=1']),
  );
});
