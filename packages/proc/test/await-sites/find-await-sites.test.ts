import { at, searchScenario, stacksOf, waitsOf } from './search-program';

const leafOf = (outer: string): string => `1 x leaf ${at('leaf')} < ${outer} ${at(outer)}`;

describe('findAwaitSites()', () => {
  it.each<[scenario: string, stacks: string[], waits: string[]]>([
    [
      'nested',
      [`1 x leaf ${at('leaf')} < find ${at('find')} < handler ${at('handler')}`],
      ['Array kept (heuristic)'],
    ],
    [
      'all',
      [leafOf('all'), `1 x other ${at('other')} < all ${at('all')}`],
      ['Array kept (heuristic)', 'Array kept (heuristic)'],
    ],
    ['race', [leafOf('race')], ['Array kept (heuristic)']],
    ['allSettled', [leafOf('allSettled')], ['Array kept (heuristic)']],
    ['any', [leafOf('any')], ['Array kept (heuristic)']],
    ['thenable', [leafOf('thenable')], ['Array kept (heuristic)']],
    ['returned', [leafOf('returned')], ['Array kept (heuristic)']],
    ['subclass', [`1 x subclass ${at('subclass')}`], ['Timeout (heuristic)']],
    ['callback', [`1 x callback ${at('callback')}`], ['Timeout (heuristic)']],
    ['once', [`1 x once ${at('once')}`], ['EventEmitter (heuristic)']],
    ['timer', [`1 x timer ${at('timer')}`], ['Timeout (heuristic)']],
    ['lock', [`3 x hold ${at('lock')}`], ['Array waiters of Lock (heuristic)']],
  ])('finds the stack and the cause: %s', async (scenario, stacks, waits) => {
    const sites = await searchScenario(scenario);
    expect(sites).toMatchObject({ status: 'complete', reason: null });
    expect(stacksOf(sites).sort()).toEqual([...stacks].sort());
    expect(waitsOf(sites)).toEqual(waits);
  });

  it('tells the awaits of one function apart', async () => {
    const sites = await searchScenario('places');
    expect(stacksOf(sites)).toEqual([
      `2 x twoPlaces ${at('first place')}`,
      `1 x twoPlaces ${at('second place')}`,
    ]);
  });

  it('follows async generators and async iterators', async () => {
    const [stack, ...others] = stacksOf(await searchScenario('generator'));
    expect(others).toEqual([]);
    expect(stack).toContain(`leaf ${at('leaf')} < generate ${at('generate')} < consume `);
    const iterated = stacksOf(await searchScenario('iterator'));
    expect(iterated).toEqual([expect.stringContaining(`leaf ${at('leaf')} < consume `)]);
  });

  it('gives the kind of each function', async () => {
    const { groups } = await searchScenario('generator');
    const kinds = groups[0]?.frames.map(({ kind }) => kind);
    expect(kinds).toEqual(['async', 'async generator', 'async']);
  });

  it('finds what waits for an AbortSignal', async () => {
    const sites = await searchScenario('abort');
    expect(stacksOf(sites)).toEqual([`1 x abort ${at('abort')}`]);
    // Node 20 keeps the class of the base.
    expect(waitsOf(sites)[0]).toMatch(/^(AbortSignal|EventTarget) \(heuristic\)$/);
  });

  it('finds a stream pipeline', async () => {
    const sites = await searchScenario('pipeline');
    expect(stacksOf(sites)).toEqual([expect.stringContaining(`pipeline ${at('pipeline')}`)]);
  });

  it.each([
    ['token', 2, 'checkout of pool pg-main'],
    ['scopedToken', 1, 'checkout of pool scoped'],
  ])('reads what waits from a WaitToken, and the age: %s', async (scenario, count, what) => {
    const sites = await searchScenario(scenario, { env: { POOL_NAME: 'pg-main' } });
    expect(stacksOf(sites)).toEqual([`${count} x useOf ${at('useOf')}`]);
    expect(waitsOf(sites)).toEqual([`${what} (exact)`]);
    const age = sites.groups.find(({ ageMs }) => ageMs !== null)?.ageMs;
    expect(age?.min).toBeGreaterThanOrEqual(0);
    expect(age?.max).toBeLessThan(20_000);
  });

  it('finds every function that awaits the same promise', async () => {
    const sites = await searchScenario('shared');
    expect(stacksOf(sites)).toEqual([
      `3 x leaf ${at('leaf')} < sharing ${at('sharing')}`,
      `1 x leaf ${at('leaf')} < alsoSharing ${at('alsoSharing')}`,
    ]);
    expect(sites.suspended).toBeGreaterThanOrEqual(5);
  });

  it('says when functions wait for each other in a circle', async () => {
    const sites = await searchScenario('circle');
    expect(stacksOf(sites)).toEqual([`1 x first ${at('first')} < second ${at('second')}`]);
    expect(waitsOf(sites)).toEqual(['itself, in a circle (exact)']);
  });

  it.each(['settled', 'idleGenerator'])(
    'leaves out what waits for no promise: %s',
    async (scenario) => {
      const sites = await searchScenario(scenario);
      expect(sites.status).toBe('complete');
      expect(stacksOf(sites)).toEqual([]);
    },
  );

  it('counts 10,000 handlers as one group', async () => {
    const sites = await searchScenario('many');
    expect(sites.status).toBe('complete');
    expect(stacksOf(sites)).toEqual([
      `10000 x leaf ${at('leaf')} < find ${at('find')} < handler ${at('handler')}`,
    ]);
    expect(sites.suspended).toBeGreaterThanOrEqual(30_000);
  });

  it('reads a heap of a million objects', async () => {
    const sites = await searchScenario('large', { deadlineMs: 60_000 });
    expect(sites.status).toBe('complete');
    expect(sites.stats.heapNodes).toBeGreaterThan(1_000_000);
    expect(stacksOf(sites)).toHaveLength(1);
  }, 70_000);

  it('keeps at most maxGroups groups, the largest', async () => {
    const sites = await searchScenario('places', { search: { maxGroups: 1 } });
    expect(sites.groups).toHaveLength(1);
    expect(sites.groups[0]?.count).toBe(2);
    expect(sites.omittedGroups).toBeGreaterThanOrEqual(1);
  });

  it('gives a group the same id in every process', async () => {
    const [one, two] = await Promise.all([searchScenario('nested'), searchScenario('nested')]);
    const idOf = (sites: typeof one) =>
      sites.groups.find(({ frames }) => frames[0]?.functionName === 'leaf')?.id;
    expect(idOf(one)).toMatch(/^[0-9a-f]{12}$/);
    expect(idOf(one)).toBe(idOf(two));
  });

  it('names no values', async () => {
    const text = JSON.stringify(await searchScenario('secret'));
    expect(text).toContain('waits.cjs');
    expect(text).not.toMatch(/correct-horse|battery-staple/);
  });

  it('does not show its own functions', async () => {
    const text = JSON.stringify((await searchScenario('nested')).groups);
    expect(text).not.toMatch(/await-sites\/[a-z-]+\.(ts|js)/);
  });
});
