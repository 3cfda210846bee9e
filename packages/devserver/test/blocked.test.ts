import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { eventually } from '../../../tools/eventually';
import { get } from './get';
import { type OrderedProgram, runProgram } from './run-program';

const freeFile = (): string => join(mkdtempSync(join(tmpdir(), 'lastcall-')), 'free');

describe('a process whose main thread is blocked', () => {
  let program: OrderedProgram;
  let port: number;
  let free: string;

  const block = async (): Promise<void> => {
    program.order(`blockUntil(${JSON.stringify(free)});`);
    await program.saw('blocked');
  };
  const release = async (): Promise<void> => {
    writeFileSync(free, '');
    await program.saw('free');
  };
  const start = async (options = ''): Promise<void> => {
    free = freeFile();
    program = runProgram(`
      proc.health.addProbe('web').markReady();
      proc.activities.begin({ kind: 'job', name: 'invoices' });
      up(${options});`);
    port = await program.port;
  };
  afterEach(() => program.kill('SIGKILL'));

  it('is shown with its last status, and as answering again afterwards', async () => {
    await start();
    await block();
    const blocked = JSON.parse((await get(port, '/debug/status')).text);
    expect(blocked.mainThread.responsive).toBe(false);
    expect(blocked.mainThread.blockedMs).toBeGreaterThanOrEqual(200);
    expect(blocked).toMatchObject({
      lifecycle: { state: 'running' },
      process: { pid: program.child.pid },
    });
    await release();
    const { mainThread, activityCounts } = JSON.parse((await get(port, '/debug/status')).text);
    expect({ mainThread, activityCounts }).toEqual({
      mainThread: { responsive: true, blockedMs: 0 },
      activityCounts: { job: 1 },
    });
  });

  it('stays ready and alive for a short block, and is neither from liveLimitMs on', async () => {
    await start();
    await block();
    for (const path of ['/livez', '/readyz', '/healthz'])
      expect(await get(port, path)).toMatchObject({ status: 200 });
    program.kill('SIGKILL');
    await program.ended;

    await start('{ liveLimitMs: 100 }');
    await block();
    for (const path of ['/livez', '/readyz', '/healthz']) {
      const answer = await get(port, path);
      expect(answer.status).toBe(503);
      expect(answer.text).toMatch(/the main thread has not answered for \d+ ms/);
    }
    await release();
    expect(await get(port, '/livez')).toMatchObject({ status: 200 });
  });

  it('is dumped with the stack that blocks it', async () => {
    await start();
    await block();
    // On a busy machine the main thread may stop for the question as late as one that is in native code.
    const { text } = await eventually(
      () => get(port, '/debug/dump'),
      (answer) => answer.text.includes('main thread: running'),
    );
    expect(text).toContain('=== lastcall dump of a blocked process');
    expect(text).toMatch(/ {4}blockUntil {2}.*\[eval\].*:\d+:\d+/);
    const json = await eventually(
      async () => JSON.parse((await get(port, '/debug/dump?format=json')).text),
      ({ stack }) => stack.state === 'running',
    );
    expect(json).toMatchObject({ schema: 'lastcall.blocked-dump/1', stack: { state: 'running' } });
    expect(
      json.stack.frames.map((frame: { functionName: string }) => frame.functionName),
    ).toContain('blockUntil');
    const goroutine = await get(port, '/debug/pprof/goroutine');
    const profile = Profile.decode(gunzipSync(goroutine.bytes));
    expect(profile.stringTable.strings).toContain('blockUntil');
    await release();
  });

  it('is dumped with the readiness that a health check has seen last, and how long ago that was', async () => {
    await start();
    program.order("proc.health.addProbe('late'); say('added');");
    await program.saw('added');
    expect(await get(port, '/readyz')).toMatchObject({ status: 503 });
    await block();
    const { text } = await get(port, '/debug/dump?awaits=never');
    expect(text).toMatch(/^state before: running, not ready, as of \d+\.\d s ago$/m);
    await release();
  });

  it('is said to be in native code where that is what blocks', async () => {
    await start();
    // A call of some 200 ms, whatever the machine.
    program.order(
      `
      const { pbkdf2Sync } = require('node:crypto');
      const at = performance.now();
      pbkdf2Sync('a', 'b', 20_000, 64, 'sha512');
      const rounds = Math.ceil((20_000 * 200) / (performance.now() - at));
      say('blocked');
      (function hashOf() { while (!existsSync(${JSON.stringify(free)})) pbkdf2Sync('a', 'b', rounds, 64, 'sha512'); })();
      say('free');
    `.replaceAll('\n', ' '),
    );
    await program.saw('blocked');
    // The question may come just before native code returns, or that may take too long on a busy machine.
    let text = '';
    while (!text.includes('back from native code')) ({ text } = await get(port, '/debug/dump'));
    expect(text).toMatch(/ {4}hashOf {2}\[evaluated\]:1:/);
    await release();
  });

  it('is seen by the lines of its source', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'lastcall-'));
    const source = [
      'interface Order { readonly id: number }',
      '',
      'export function price(until: () => boolean): void {',
      '  const order: Order = { id: 1 };',
      '  while (order.id === 1 && !until());',
      '}',
    ].join('\n');
    const { outputText } = transpileModule(source, {
      fileName: 'orders.ts',
      compilerOptions: {
        module: ModuleKind.CommonJS,
        target: ScriptTarget.ES2022,
        inlineSourceMap: true,
      },
    });
    writeFileSync(join(dir, 'orders.ts'), source);
    writeFileSync(join(dir, 'orders.js'), outputText);
    await start();
    program.order(
      `say('blocked'); require(${JSON.stringify(join(dir, 'orders.js'))}).price(() => existsSync(${JSON.stringify(free)})); say('free');`,
    );
    await program.saw('blocked');
    const { text } = await get(port, '/debug/dump');
    expect(text).toContain(`price  ${join(dir, 'orders.ts')}:5:`);
    const profile = await get(port, '/debug/pprof/profile?seconds=1');
    const { stringTable } = Profile.decode(gunzipSync(profile.bytes));
    expect(stringTable.strings).toContain(join(dir, 'orders.ts'));
    expect(stringTable.strings).not.toContain(join(dir, 'orders.js'));
    await release();
  });

  it('is left alone while it may be debugged: a pause of ours would end that of a person', async () => {
    free = freeFile();
    program = runProgram(`require('node:inspector').open(0, '127.0.0.1'); up();`);
    port = await program.port;
    await block();
    const { text } = await get(port, '/debug/dump');
    expect(text).toContain('main thread: unknown: the inspector is open');
    expect(await get(port, '/debug/pprof/profile?seconds=1')).toMatchObject({ status: 409 });
    await release();
  });

  it('is profiled', async () => {
    await start();
    await block();
    const { status, text } = await get(port, '/debug/pprof/profile?seconds=1&format=cpuprofile');
    expect(status).toBe(200);
    const { nodes, samples } = JSON.parse(text) as {
      nodes: { id: number; callFrame: { functionName: string } }[];
      samples: number[];
    };
    const ids = nodes
      .filter((node) => node.callFrame.functionName === 'blockUntil')
      .map(({ id }) => id);
    const share = samples.filter((id) => ids.includes(id)).length / samples.length;
    expect(share).toBeGreaterThan(0.5);
    await release();
  });

  it('is measured', async () => {
    await start();
    await block();
    const { text } = await get(port, '/metrics');
    expect(text).toMatch(/^lastcall_main_thread_responsive 0$/m);
    expect(text).toMatch(/^lastcall_main_thread_blocked_seconds 0\.\d+$/m);
    expect(text).toMatch(/^process_cpu_seconds_total \d/m);
    await release();
  });

  it('finds no queue of questions when it is free again', async () => {
    await start();
    program.order(
      'globalThis.asked = 0; proc.activities.addSource(() => { asked++; return []; });',
    );
    await block();
    await Promise.all(Array.from({ length: 20 }, () => get(port, '/debug/status')));
    await release();
    await get(port, '/debug/status');
    // The one that was open, and one more if that was answered before the last question came.
    program.order("say('asked ' + (asked <= 2 ? 'once or twice' : asked));");
    await program.saw('asked once or twice');
  });
});
