import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AwaitSites, ResourceSite } from '../../src/await-sites/await-sites';
import { runSearch } from './search-program';

const file = join(__dirname, 'fixtures', 'resources.cjs');
const lines = readFileSync(file, 'utf8').split('\n');

const search = (what: string): Promise<AwaitSites> =>
  runSearch(
    `require('./resources.cjs').then(turns).then(() => findAwaitSites({ force: true })).then(tell);`,
    { env: { WHAT: what } },
  );

/** The site that has a callback of that name. */
function siteOf(sites: AwaitSites, name: string): ResourceSite | undefined {
  return sites.resources.find(({ callbacks }) =>
    callbacks.some(({ functionName }) => functionName === name),
  );
}

function lineOf(name: string): number {
  return lines.findIndex((line) => line.includes(`function ${name}(`)) + 1;
}

function callback(functionName: string, event: string | null): object {
  return { functionName, file, line: lineOf(functionName), event };
}

describe('the resources of findAwaitSites()', () => {
  it('are timers that run, with the place of their callbacks', async () => {
    const sites = await search('timers');
    expect(siteOf(sites, 'beat')).toMatchObject({
      type: 'Timeout',
      count: 1,
      isRefed: true,
      delayMs: 60_000,
      repeats: true,
      callbacks: [callback('beat', null)],
    });
    expect(siteOf(sites, 'later')).toMatchObject({
      count: 3,
      isRefed: false,
      delayMs: 70_000,
      repeats: false,
    });
    expect(siteOf(sites, 'bound')?.callbacks).toEqual([
      expect.objectContaining(callback('bound', null)),
    ]);
    expect(siteOf(sites, 'cleared')).toBeUndefined();
  });

  it('are servers and sockets, with their listeners by event', async () => {
    const sites = await search('sockets');
    expect(siteOf(sites, 'onConnection')).toMatchObject({
      type: 'Server',
      callbacks: expect.arrayContaining([
        expect.objectContaining(callback('onConnection', 'connection')),
      ]),
    });
    expect(siteOf(sites, 'onceData')).toMatchObject({
      type: 'Socket',
      callbacks: [callback('onceData', 'data')],
    });
    expect(siteOf(sites, 'bye')).toMatchObject({
      type: 'Socket',
      callbacks: [callback('bye', 'close')],
    });
  });

  it.each([
    ['child', 'ChildProcess', 'onExit', 'exit'],
    ['worker', 'Worker', 'onMessage', 'message'],
    ['watcher', 'FSWatcher', 'onChange', 'change'],
  ])('are of this kind, too: %s', async (what, type, name, event) => {
    const site = siteOf(await search(what), name);
    expect(site).toMatchObject({
      type,
      count: 1,
      callbacks: expect.arrayContaining([expect.objectContaining(callback(name, event))]),
    });
  });

  it('are not what is closed', async () => {
    expect(siteOf(await search('closed'), 'onConnection')).toBeUndefined();
  });

  it('come with the listeners that pile up on an AbortSignal', async () => {
    const { listeners } = await search('signal');
    expect(listeners).toEqual([
      expect.objectContaining({
        emitter: 'AbortSignal',
        event: 'abort',
        count: 12,
        functionName: 'forgotten',
        line: lineOf('forgotten'),
      }),
    ]);
  });

  it('come with places that have added many listeners', async () => {
    const { listeners } = await search('listeners');
    expect(listeners).toEqual([
      expect.objectContaining({
        emitter: 'Feed',
        event: 'tick',
        count: 25,
        functionName: 'leaking',
        file,
        line: lineOf('leaking'),
      }),
    ]);
  });
});
