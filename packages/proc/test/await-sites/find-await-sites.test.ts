import type { AwaitGroup, AwaitSites } from '../../src/await-sites/await-sites';
import { at, searchScenario, stackOf, stacksOf, waitsOf } from './search-program';

const leafOf = (outer: string): string => `leaf ${at('leaf')} < ${outer} ${at(outer)}`;
const nested = `leaf ${at('leaf')} < find ${at('find')} < handler ${at('handler')}`;

/** What each scenario has to show: number of stacks, stack, and what it waits for. */
const EXPECTED: readonly (readonly [
  scenario: string,
  count: number,
  stack: string,
  waitsFor: string,
])[] = [
  ['nested', 1, nested, 'Array keep (heuristic)'],
  ['all', 1, leafOf('all'), 'Array keep (heuristic)'],
  ['all', 1, `other ${at('other')} < all ${at('all')}`, 'Array keep (heuristic)'],
  ['race', 1, leafOf('race'), 'Array keep (heuristic)'],
  ['allSettled', 1, leafOf('allSettled'), 'Array keep (heuristic)'],
  ['any', 1, leafOf('any'), 'Array keep (heuristic)'],
  ['thenable', 1, leafOf('thenable'), 'Array keep (heuristic)'],
  ['returned', 1, leafOf('returned'), 'Array keep (heuristic)'],
  ['places', 2, `twoPlaces ${at('first place')}`, 'Array keep (heuristic)'],
  ['places', 1, `twoPlaces ${at('second place')}`, 'Array keep (heuristic)'],
  ['subclass', 1, `subclass ${at('subclass')}`, 'Timeout (heuristic)'],
  ['callback', 1, `callback ${at('callback')}`, 'Timeout (heuristic)'],
  ['once', 1, `once ${at('once')}`, 'EventEmitter (heuristic)'],
  ['timer', 1, `timer ${at('timer')}`, 'Timeout (heuristic)'],
  ['lock', 3, `hold ${at('lock')}`, 'Array waiters of Lock (heuristic)'],
  ['shared', 3, leafOf('sharing'), 'Array keep (heuristic)'],
  ['shared', 1, leafOf('alsoSharing'), 'Array keep (heuristic)'],
  ['keyed', 1, `keyed ${at('keyed')}`, 'Array in an object (heuristic)'],
  ['tokened', 1, `tokened ${at('tokened')}`, 'Array in an object (heuristic)'],
  ['circle', 1, `first ${at('first')} < second ${at('second')}`, 'itself, in a circle (exact)'],
  ['token', 2, `useOf ${at('useOf')}`, 'checkout of pool pg-main (exact)'],
  ['scopedToken', 1, `useScoped ${at('useScoped')}`, 'checkout of pool scoped (exact)'],
];

/** Beside those: their columns and causes are of less interest, or differ between versions of Node. */
const OTHERS = ['generator', 'iterator', 'abort', 'pipeline', 'secret', 'events', 'lines'];
/** Nothing to be seen of these: they wait for no promise. */
const SILENT = ['settled', 'idleGenerator'];

describe('findAwaitSites()', () => {
  let sites: AwaitSites;
  const groupOf = (name: string): AwaitGroup | undefined =>
    sites.groups.find((group) => stackOf(group).includes(name));

  beforeAll(async () => {
    const scenarios = [...new Set(EXPECTED.map(([scenario]) => scenario)), ...OTHERS, ...SILENT];
    sites = await searchScenario(scenarios.join(','), {
      env: { POOL_NAME: 'pg-main' },
      deadlineMs: 60_000,
    });
  }, 70_000);

  it('is complete, and finds nothing else', () => {
    expect(sites).toMatchObject({ status: 'complete', reason: null, omittedGroups: 0 });
    expect(stacksOf(sites)).toHaveLength(EXPECTED.length + OTHERS.length);
  });

  it.each(EXPECTED)('finds %s: %i x %s', (_, count, stack, waitsFor) => {
    const group = sites.groups.find((each) => stackOf(each) === stack);
    expect(group?.count).toBe(count);
    expect(group && waitsOf(group)).toEqual([waitsFor]);
  });

  it('follows async generators and async iterators', () => {
    const stacks = stacksOf(sites);
    expect(stacks).toContainEqual(
      expect.stringContaining(`leaf ${at('leaf')} < generate ${at('generate')} < consume `),
    );
    expect(stacks).toContainEqual(expect.stringContaining(`leaf ${at('leaf')} < consume `));
    const kinds = groupOf('generate ')?.frames.map(({ kind }) => kind);
    expect(kinds).toEqual(['async', 'async generator', 'async']);
  });

  it('finds what waits for an AbortSignal, and a stream pipeline', () => {
    const abort = groupOf(`abort ${at('abort')}`);
    // Node 20 keeps the class of the base.
    expect(abort && waitsOf(abort)[0]).toMatch(/^(AbortSignal|EventTarget) \(heuristic\)$/);
    expect(groupOf(`pipeline ${at('pipeline')}`)?.count).toBe(1);
  });

  it('finds whose events a loop waits for, behind the queue that Node keeps for it', () => {
    const waitsIn = (name: string) => waitsOf(groupOf(`${name} `) as AwaitGroup);
    expect(waitsIn('events')).toEqual(['Feed (heuristic)']);
    expect(waitsIn('lines')).toEqual(['Interface (heuristic)']);
  });

  it('gives the age of a WaitToken', () => {
    const { ageMs } = groupOf('useScoped') ?? {};
    expect(ageMs?.min).toBeGreaterThanOrEqual(0);
    expect(ageMs?.max).toBeLessThan(60_000);
    expect(groupOf('hold ')?.ageMs).toBeNull();
  });

  it('names no values', () => {
    expect(JSON.stringify(sites)).not.toMatch(/correct-horse|battery-staple|alice|d41d8cd9/);
  });

  it('does not show its own functions', () => {
    expect(JSON.stringify(sites.groups)).not.toMatch(/await-sites\/[a-z-]+\.(ts|js)/);
  });

  it('counts 10,000 handlers as one group', async () => {
    const sites = await searchScenario('many', { deadlineMs: 60_000 });
    expect(sites.status).toBe('complete');
    expect(stacksOf(sites)).toEqual([
      `10000 x leaf ${at('leaf')} < find ${at('find')} < handler ${at('handler')}`,
    ]);
    expect(sites.suspended).toBeGreaterThanOrEqual(30_000);
  }, 70_000);

  it('reads a heap of a million objects', async () => {
    const sites = await searchScenario('large', { deadlineMs: 120_000 });
    expect(sites.status).toBe('complete');
    expect(sites.stats.heapNodes).toBeGreaterThan(1_000_000);
    expect(stacksOf(sites)).toHaveLength(1);
  }, 130_000);

  it('keeps at most maxGroups groups, the largest', async () => {
    const sites = await searchScenario('places', { search: { maxGroups: 1 } });
    expect(sites.groups).toHaveLength(1);
    expect(sites.groups[0]?.count).toBe(2);
    expect(sites.omittedGroups).toBeGreaterThanOrEqual(1);
  });

  it('gives a group the same id in every process', async () => {
    const again = await searchScenario('nested');
    const id = again.groups.find((group) => stackOf(group) === nested)?.id;
    expect(id).toMatch(/^[0-9a-f]{12}$/);
    expect(id).toBe(sites.groups.find((group) => stackOf(group) === nested)?.id);
  });
});
