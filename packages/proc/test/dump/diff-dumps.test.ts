import { diffDumps, formatDump, formatDumpDiff } from '../../src';
import type { AwaitGroup } from '../../src/await-sites/await-sites';
import type { DumpDocument } from '../../src/dump/dump-document';
import { createTestLifecycle } from '../../src/testing';

const group = (id: string, count: number, line: number): AwaitGroup => ({
  id,
  count,
  frames: [{ functionName: id, file: '/app/orders.js', line, column: 7, kind: 'async' }],
  waitingOn: [{ what: 'checkout of pool pg-main', confidence: 'exact' }],
  ageMs: { min: 2000, max: 61_000 },
});

async function document(change: Partial<DumpDocument> = {}): Promise<DumpDocument> {
  const { lifecycle } = createTestLifecycle();
  const { json } = await lifecycle.dump({ write: false });
  return { ...json, ...change };
}

const withGroups = (
  json: DumpDocument,
  groups: AwaitGroup[],
  timers = 0,
): DumpDocument['awaits'] => ({
  ...json.awaits,
  status: 'complete',
  reason: null,
  suspended: groups.reduce((sum, { count }) => sum + count, 0),
  groups,
  resources: Array.from({ length: Math.min(timers, 1) }, () => ({
    type: 'Timeout',
    count: timers,
    isRefed: true,
    delayMs: 45_000,
    repeats: true,
    callbacks: [
      { functionName: 'refresh', file: '/app/prices.js', line: 7, column: 1, event: null },
    ],
  })),
});

describe('diffDumps()', () => {
  it('tells what grew, most first, and what is gone', async () => {
    const base = await document();
    const handles = (count: number): DumpDocument['handles'] => ({
      list: [],
      total: count,
      groups: [
        { type: 'Socket', state: 'open', endpoint: 'to 10.0.0.9:5432', count, queuedBytes: 0 },
      ],
    });
    const before: DumpDocument = {
      ...base,
      time: '2026-01-01T00:00:00.000Z',
      awaits: withGroups(
        base,
        [group('find', 12, 41), group('gone', 3, 9), group('same', 1, 2)],
        1,
      ),
      activities: { counts: { job: 5 }, oldest: [] },
      handles: handles(20),
    };
    const after: DumpDocument = {
      ...before,
      time: '2026-01-01T00:01:00.000Z',
      awaits: withGroups(
        base,
        [group('find', 1000, 41), group('new', 2, 77), group('same', 1, 2)],
        51,
      ),
      keepsAlive: { ...base.keepsAlive, Timeout: 50 },
      activities: { counts: { job: 4, query: 20 }, oldest: [] },
      handles: handles(25),
      memory: { ...base.memory, heapUsedBytes: 5_000_000 },
    };
    const diff = diffDumps(before, after);
    expect(diff).toEqual({
      elapsedMs: 60_000,
      groups: [
        { id: 'find', before: 12, after: 1000, frames: expect.any(Array) },
        { id: 'new', before: 0, after: 2, frames: expect.any(Array) },
        { id: 'gone', before: 3, after: 0, frames: expect.any(Array) },
      ],
      activities: [
        { what: 'query', before: 0, after: 20 },
        { what: 'job', before: 5, after: 4 },
      ],
      handles: [{ what: 'Socket to 10.0.0.9:5432', before: 20, after: 25 }],
      keepsAlive: [{ what: 'Timeout', before: 0, after: 50 }],
      resources: [{ what: 'Timeout of refresh /app/prices.js:7', before: 1, after: 51 }],
      memory: [{ what: 'heapUsedBytes', before: 0, after: 5_000_000 }],
      warnings: [],
    });
    expect(formatDumpDiff(diff)).toBe(`=== what changed in 1m 0s ===

--- await sites ---
  +988  suspended (12 -> 1000)
      await find  /app/orders.js:41:7
    +2  suspended (0 -> 2)
      await new  /app/orders.js:77:7
    -3  suspended (3 -> 0)
      await gone  /app/orders.js:9:7

--- in flight ---
   +20  query (0 -> 20)
    -1  job (5 -> 4)

--- handles ---
    +5  Socket to 10.0.0.9:5432 (20 -> 25)

--- kept alive by ---
   +50  Timeout (0 -> 50)

--- the code behind timers, sockets and listeners ---
   +50  Timeout of refresh /app/prices.js:7 (1 -> 51)

--- memory ---
   +5.0 MB  heapUsed (0 B -> 5.0 MB)
`);
  });

  it('does not compare functions with promises', async () => {
    const base = await document();
    const all = { ...base, awaits: withGroups(base, [group('find', 3, 41)]) };
    const stacks: DumpDocument = {
      ...base,
      awaits: { ...withGroups(base, [group('find', 6, 41)]), status: 'degraded', reason: 'busy' },
    };
    expect(diffDumps(all, stacks)).toMatchObject({
      groups: [],
      warnings: [expect.stringContaining('counts await sites otherwise: busy')],
    });
    expect(diffDumps(stacks, stacks).warnings).toEqual([]);
  });

  it('says what cannot be compared', async () => {
    const base = await document();
    expect(diffDumps(base, base).warnings).toEqual([
      expect.stringContaining('has no await sites'),
      expect.stringContaining('has no await sites'),
    ]);
  });
});

describe('what is no dump', () => {
  it.each([
    [{}, 'its schema is missing'],
    [null, 'its schema is missing'],
    ['{}', 'its schema is missing'],
    [{ schema: 'lastcall.blocked-dump/1' }, '"lastcall.blocked-dump/1"'],
    [{ schema: 'lastcall.dump/1' }, "'time' is no time"],
    [{ schema: 'lastcall.dump/1', time: '2026-01-01T00:00:00.000Z' }, "'activities.oldest'"],
  ])('is refused: %j', async (value, says) => {
    const refused = expect.objectContaining({
      code: 'LASTCALL_BAD_OPTION',
      message: expect.stringContaining(says),
    });
    const base = await document();
    expect(() => diffDumps(value as never, base)).toThrow(refused);
    expect(() => diffDumps(base, value as never)).toThrow(refused);
    expect(() => formatDump(value as never)).toThrow(refused);
  });

  it('is a dump of which a part is missing', async () => {
    const base = JSON.parse(JSON.stringify(await document()));
    for (const part of ['awaits', 'handles', 'activities', 'memory', 'keepsAlive', 'loop']) {
      expect(() => formatDump({ ...base, [part]: undefined })).toThrow(
        expect.objectContaining({ code: 'LASTCALL_BAD_OPTION' }),
      );
    }
    expect(formatDump(base)).toContain('=== lastcall dump: ');
  });
});

describe('formatDump()', () => {
  it('says where promises are counted, of which a function may have several', async () => {
    const base = await document();
    const stacks = withGroups(base, [group('find', 20, 41), group('one', 1, 9)]);
    const text = formatDump({ ...base, awaits: { ...stacks, counted: 'promises' } });
    expect(text).toContain(
      '--- await sites: 21 pending promises in 2 groups (a function may have several) ---\n[1] 20 promises, waiting',
    );
    expect(text).toContain('\n[2] 1 promise, waiting');
    expect(text).not.toContain('suspended');
  });

  it('says what waits, for what and for how long', async () => {
    const base = await document();
    const text = formatDump({ ...base, awaits: withGroups(base, [group('find', 20, 41)]) });
    expect(text).toContain(`--- await sites: 20 suspended functions in 1 group ---
[1] 20 suspended, waiting for checkout of pool pg-main, for 2.0 s to 1m 1s
    await find  /app/orders.js:41:7`);
  });

  it('says why there are no await sites', async () => {
    expect(formatDump(await document())).toContain('--- await sites: not looked for ---');
    const base = await document();
    expect(formatDump({ ...base, awaits: withGroups(base, []) })).toContain(
      '--- await sites: no function is suspended ---',
    );
  });

  it('says what is open, with the pids of children, and no more than is known', async () => {
    const base = await document();
    const common = { state: null, queuedBytes: 0 };
    const child = (id: number) => ({ type: 'ChildProcess', program: 'convert', id });
    const handles: DumpDocument['handles'] = {
      list: [child(7), child(9), { type: 'FSWatcher' }],
      groups: [
        { ...common, type: 'ChildProcess', endpoint: 'convert', count: 2 },
        { ...common, type: 'FSWatcher', endpoint: null, count: 1 },
      ],
      total: 3,
    };
    const site = { isRefed: null, delayMs: null, repeats: null, callbacks: [], count: 1 };
    const awaits = { ...withGroups(base, []), resources: [{ ...site, type: 'ChildProcess' }] };
    const text = formatDump({ ...base, handles, awaits });
    expect(text).toContain(`--- open handles: 3 ---
       2 x ChildProcess  convert (pid 7, 9)
       1 x FSWatcher
`);
    expect(text).not.toContain('the code behind');
  });

  it('counts what the watchdog saw', async () => {
    const base = await document();
    const seen = (blocks: number, longestMs: number): string =>
      formatDump({
        ...base,
        watchdog: { thresholdMs: 500, blocks, longestMs, totalMs: longestMs },
      });
    expect(seen(0, 0)).toContain('\nblocked never for more than 500 ms (watchdog)\n');
    expect(seen(1, 14_942)).toContain('\nblocked 1 time for more than 500 ms, at most 14.9 s (');
  });
});
