import type { AwaitSites } from '../../src/await-sites/await-sites';
import { at, runSearch, searchScenario, stacksOf } from './search-program';

describe('findAwaitSites() holds back', () => {
  it('where the pause would be too long: then it gives only stacks', async () => {
    const sites = await searchScenario('nested', { search: { force: false, maxPauseMs: 200 } });
    expect(sites).toMatchObject({
      status: 'degraded',
      heldBack: true,
      counted: 'promises',
      reason: expect.stringMatching(/^only stacks,.* stop the process for about \d+ ms .* 200 ms/),
    });
    expect(stacksOf(sites)).toEqual([
      `1 x leaf ${at('leaf')} < find ${at('find')} < handler ${at('handler')}`,
    ]);
  });

  it('where even that would be too long', async () => {
    const sites = await searchScenario('nested', { search: { force: false, maxPauseMs: 1 } });
    expect(sites).toMatchObject({ status: 'skipped', heldBack: true, groups: [] });
    expect(sites.stats.pauseMs).toBe(0);
    expect(sites.reason).toMatch(/stop the process for about \d+ ms .* 1 ms are allowed$/);
    expect(sites.stats.estimatedPauseMs).toBeGreaterThan(1);
  });

  it('where a few large arrays have millions of pointers, of which V8 notes each', async () => {
    const sites = await runSearch<AwaitSites>(`
      globalThis.kept = Array.from({ length: 80 }, () => new Array(100_000).fill(globalThis));
      findAwaitSites().then(tell);`);
    expect(sites).toMatchObject({ status: 'degraded', heldBack: true, stats: { heapNodes: null } });
    expect(sites.reason).toMatch(
      /stop the process for .* and \d+ MB of large arrays, maps or texts/,
    );
  });

  it('where V8 has too little room left, whoever insists: it would end the process', async () => {
    const sites = await runSearch<AwaitSites>(
      `globalThis.kept = Array.from({ length: 46 }, () => new Array(131_072).fill(0.5));
       findAwaitSites({ force: true }).then(tell);`,
      { flags: '--max-old-space-size=64' },
    );
    expect(sites).toMatchObject({
      status: 'degraded',
      heldBack: false,
      stats: { heapNodes: null },
    });
    expect(sites.reason).toMatch(/V8's heap has \d+ MB left to its limit, and 32 MB are needed$/);
  });

  it('where so many functions wait that it would be too long, which shows once they are counted', async () => {
    const sites = await runSearch<AwaitSites>(`
      const { estimateCost } = require('../../../dist/await-sites/heap-cost');
      const kept = [];
      async function waits(promise) { await promise; }
      for (let i = 0; i < 20_000; i++) kept.push(waits(new Promise((resolve) => kept.push(resolve))));
      // Enough for the heap alone.
      findAwaitSites({ maxPauseMs: estimateCost().pauseMs + 50 }).then(tell);`);
    expect(sites).toMatchObject({
      status: 'degraded',
      heldBack: true,
      counted: 'promises',
      stats: { heapNodes: null },
    });
    expect(sites.reason).toMatch(/it would stop the process for about \d+ ms/);
  });

  it('where others want the core, too, so that it would take too long for a stop', async () => {
    const [alone, shared, unhurried] = await runSearch<AwaitSites[]>(
      `
      const search = (deadlineMs) => findAwaitSites({ maxPauseMs: 10_000, minIntervalMs: 0, deadlineMs });
      (async () => {
        const alone = await search(60_000);
        core.slowdownOf = () => 50;
        tell([alone, await search(60_000), await search()]);
      })();`,
      { deadlineMs: 100_000 },
    );
    expect(alone).toMatchObject({ status: 'complete' });
    expect(shared).toMatchObject({ status: 'degraded', heldBack: true });
    expect(shared?.reason).toContain('on a core that others want, too: 50.0 times as long');
    expect(unhurried).toMatchObject({ status: 'complete' });
  }, 110_000);

  it('from looking up functions of its own in the heap, which it does not show: each takes a walk over all of it', async () => {
    const [sites, lookups] = await runSearch<[AwaitSites, number]>(`
      const { Session } = require('inspector');
      const { post } = Session.prototype;
      let lookups = 0;
      Session.prototype.post = function (method, ...args) {
        if (method === 'HeapProfiler.getObjectByHeapObjectId') lookups++;
        return post.call(this, method, ...args);
      };
      const { createLifecycle } = require('../../../dist');
      createLifecycle({ logger: false }).dump({ awaits: 'always', write: false })
        .then(({ json }) => tell([json.awaits, lookups]));`);
    expect(sites).toMatchObject({ status: 'complete', suspended: 0 });
    expect(lookups).toBe(0);
  });

  it('with thousands of functions that have to be looked up one by one: the process goes on meanwhile', async () => {
    const [sites, ticks] = await runSearch<[AwaitSites, number]>(`
      const kept = [];
      async function waits(promise) { await promise; }
      for (let i = 0; i < 5000; i++) {
        const promise = new Promise((resolve) => kept.push(resolve));
        kept.push(waits(promise), waits(promise));
      }
      let ticks = 0;
      setInterval(() => ticks++, 1);
      findAwaitSites({ force: true }).then((sites) => tell([sites, ticks]));`);
    expect(sites.suspended).toBeGreaterThanOrEqual(10_000);
    expect(sites.reason).toMatch(/no time to look all of them up$/);
    expect(ticks).toBeGreaterThan(10);
  });

  it('with a deadline that comes while it is under way: it stops the process no more', async () => {
    const [sites, snapshots] = await runSearch<[AwaitSites, number]>(`
      const taking = require('../../../dist/await-sites/take-snapshot');
      const { takeSnapshot } = taking;
      let snapshots = 0;
      const clock = require('../../../dist/await-sites/pause-clock').PauseClock.prototype;
      const left = Object.getOwnPropertyDescriptor(clock, 'leftMs').get;
      // The time is over once the promises are listed.
      Object.defineProperty(clock, 'leftMs', { get() { return this.totalMs > 0 ? 0 : left.call(this); } });
      taking.takeSnapshot = (...args) => { snapshots++; return takeSnapshot(...args); };
      findAwaitSites({ force: true, deadlineMs: 5000 }).then((sites) => tell([sites, snapshots]));`);
    expect(sites).toMatchObject({
      status: 'skipped',
      reason: 'the search has not ended within 5000 ms',
      heldBack: false,
    });
    expect(snapshots).toBe(0);
  });

  it('with scripts of many megabytes, in whose every function Node 20 would count lines from the top', async () => {
    const sites = await runSearch<AwaitSites>(`
      const { mkdtempSync, rmSync, writeFileSync } = require('fs');
      const folder = mkdtempSync(require('path').join(require('os').tmpdir(), 'large-script-'));
      const line = '() => ' + JSON.stringify('x'.repeat(400)) + ',\\n';
      writeFileSync(folder + '/large.cjs', 'module.exports = [' + line.repeat(40_000) + '];');
      globalThis.functions = require(folder + '/large.cjs');
      rmSync(folder, { recursive: true });
      findAwaitSites({ force: true }).then(tell);`);
    expect(sites.status).toBe('complete');
    expect(sites.stats.heapNodes).toBeGreaterThan(40_000);
  });

  it('without the inspector, under --permission: it gives the lines of definitions', async () => {
    const major = Number(process.versions.node.split('.')[0]);
    const permission = major < 22 ? '--experimental-permission' : '--permission';
    const sites = await searchScenario('nested', { flags: `${permission} --allow-fs-read=*` });
    expect(sites).toMatchObject({
      status: 'degraded',
      reason: expect.stringContaining('without the inspector'),
    });
    const line = Number(at('handler').split(':')[0]) - 1;
    expect(stacksOf(sites)[0]).toMatch(new RegExp(`< handler ${line}:null$`));
  });

  it('with heaps that it cannot read', async () => {
    const sites = await runSearch<AwaitSites>(`
      require('v8').getHeapSnapshot;
      const { SnapshotParser } = require('../../../dist/await-sites/snapshot-parser');
      SnapshotParser.prototype.write = () => {};
      findAwaitSites({ force: true }).then(tell);`);
    expect(sites).toMatchObject({
      status: 'skipped',
      reason: 'the search failed: this heap snapshot cannot be read: it has no header',
    });
  });

  it('with programs that freeze the intrinsics', async () => {
    const sites = await searchScenario('nested', { flags: '--frozen-intrinsics --no-warnings' });
    expect(stacksOf(sites)).toHaveLength(1);
  });

  it('with programs that format stacks themselves, which it leaves as they are', async () => {
    const [sites, kept] = await runSearch<[AwaitSites, boolean]>(
      `process.env.SCENARIO = 'nested';
       require('./waits.cjs');
       const own = () => 'formatted';
       Error.prepareStackTrace = own;
       Error.stackTraceLimit = 3;
       turns().then(() => findAwaitSites({ force: true })).then((sites) =>
         tell([sites, Error.prepareStackTrace === own && Error.stackTraceLimit === 3]));`,
    );
    expect(stacksOf(sites)).toHaveLength(1);
    expect(sites.status).toBe('complete');
    expect(kept).toBe(true);
  });
});

describe('findAwaitSites() leaves alone', () => {
  it('the promises of the program', async () => {
    const [settled, sites] = await runSearch<[string, AwaitSites]>(`
      let release;
      const promise = new Promise((resolve) => { release = resolve; });
      const waiting = (async () => 'got ' + (await promise))();
      turns()
        .then(() => findAwaitSites({ force: true }))
        .then((sites) => { release('it'); waiting.then((value) => tell([value, sites])); });`);
    expect(settled).toBe('got it');
    expect(sites.status).toBe('complete');
  });

  it("other people's inspector sessions: a CPU profile, a heap profile and a breakpoint", async () => {
    const [status, nodes, samples, pauses] = await runSearch<[string, number, number, number]>(`
      const { Session } = require('inspector/promises');
      const session = new Session();
      session.connect();
      globalThis.marked = function marked() { return 1; };
      (async () => {
        let pauses = 0;
        session.on('Debugger.paused', () => { pauses++; session.post('Debugger.resume'); });
        await session.post('Profiler.enable');
        await session.post('Profiler.start');
        await session.post('HeapProfiler.startSampling', { samplingInterval: 1024 });
        await session.post('Debugger.enable');
        const { result } = await session.post('Runtime.evaluate', { expression: 'marked' });
        await session.post('Debugger.setBreakpointOnFunctionCall', { objectId: result.objectId });
        const { status } = await findAwaitSites({ force: true });
        marked();
        const kept = Array.from({ length: 1000 }, () => new Array(100).fill({}));
        const { profile } = await session.post('Profiler.stop');
        const heap = await session.post('HeapProfiler.stopSampling');
        tell([status, profile.nodes.length, heap.profile.samples.length, pauses, kept.length]);
      })();`);
    expect(status).toBe('complete');
    expect(nodes).toBeGreaterThan(1);
    expect(samples).toBeGreaterThan(0);
    expect(pauses).toBe(1);
  });

  it('the global object', async () => {
    const [before, after] = await runSearch<[string[], string[]]>(`
      const before = Reflect.ownKeys(globalThis).map(String);
      findAwaitSites({ force: true })
        .then(() => tell([before, Reflect.ownKeys(globalThis).map(String)]));`);
    expect(after).toEqual(before);
  });
});
