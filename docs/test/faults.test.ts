import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapping } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFaults, FAULTS, type Fault, runFault } from './run-fault';

/** A planted fault, and how it is found. */
interface Hunt {
  readonly name: string;
  /** Brings it about. By default it is there when the program says `up`. */
  readonly trigger?: (fault: Fault) => Promise<unknown>;
  /** What else must be said. */
  readonly says: readonly string[];
}

let fault: Fault | undefined;

function run(name: string): Fault {
  fault = runFault(name);
  return fault;
}

beforeAll(compileFaults, 60_000);
afterEach(async () => {
  await fault?.end();
  fault = undefined;
});

/** `lost-reply.ts:19`, for each line that is marked. */
function culprits(name: string): string[] {
  const lines = readFileSync(join(FAULTS, `${name}.ts`), 'utf8').split('\n');
  return lines.flatMap((line, index) =>
    line.endsWith('// <- culprit') ? `${name}.ts:${index + 1}` : [],
  );
}

const page = readFileSync(join(__dirname, '..', 'faults.md'), 'utf8');

/** The output that the page shows, by fault. */
const shown = new Map(
  [...page.matchAll(/```text (\S+)\n([^`]*)```/g)].map(([, name = '', text = '']) => [name, text]),
);

/** Without what is different each time. */
function normalise(text: string): string[] {
  const lines = text.replaceAll(`${FAULTS}/`, '').trimEnd().split('\n');
  return lines.map((line) =>
    line
      .replaceAll(/ *\b\d+(\.\d+)? m?s\b/g, ' # ms')
      .replaceAll(/:\d{4,5}$/g, ':#')
      .replaceAll(/\(pid \d+\)/g, '(pid #)'),
  );
}

/** Fails unless `text` has all lines that the page shows, in that order. */
function expectShown(name: string, text: string): void {
  const wanted = normalise(shown.get(name) ?? '');
  const rest = new Set(wanted);
  expect(normalise(text).filter((line) => rest.has(line))).toEqual(wanted);
}

/** Sends `paths`, without waiting for answers, and waits until each has been taken: they come in any order. */
async function ask(target: Fault, paths: readonly string[]): Promise<void> {
  for (const path of paths) target.request(path).catch(() => {});
  for (const path of paths) await target.saw(new RegExp(`GET ${path}\n`));
}

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const DUMPED: Hunt[] = [
  { name: 'lost-reply', says: ['placeOrder', 'consumeOrders', 'Map pending'] },
  {
    name: 'leaked-client',
    trigger: async (shop) => {
      await ask(shop, ['/export']);
      await ask(
        shop,
        times(20, (i) => `/orders/${i}`),
      );
    },
    says: ['in flight: 21 http request', '20 suspended', 'Array waiting of Pool'],
  },
  { name: 'pool-deadlock', says: ['Array waiting of Lock'] },
  { name: 'circular-start', says: ['itself, in a circle'] },
  { name: 'forgotten-timer', says: ['500 x Timeout every 30.0 s'] },
  {
    name: 'leaked-listener',
    trigger: (greeter) => Promise.all(times(50, () => greeter.request('/'))),
    says: ["50 x listener of 'change' on one Config"],
  },
  {
    name: 'leaked-socket',
    trigger: (counters) => counters.saw(/thanks 30/),
    says: ['30 x Socket  data:', '30 x Socket  open to'],
  },
  {
    name: 'hung-listener',
    trigger: async (index) => {
      await index.saw(/up/);
      index.signal('SIGTERM');
      await index.saw(/2 words are not written/);
    },
    says: ['shutting-down in stage resources', '<- waited for', 'Array #onWritten of SearchIndex'],
  },
  {
    name: 'slow-request',
    trigger: async (shop) => {
      shop.request('/').catch(() => {});
      await shop.saw(/the prices were asked for/);
    },
    says: ['GET /  (shop, waiting', 'ClientRequest'],
  },
  { name: 'endless-stream', says: ['commitImport'] },
  { name: 'promise-leak', says: ['2000 suspended'] },
  { name: 'stuck-child', says: ['shrinkAll', '1 x ChildProcess  cat'] },
  { name: 'stuck-worker', trigger: (w) => w.saw(/sent to/), says: ['waiting for Worker'] },
];

/** As one is taken by hand: where the first has no snapshot, since that takes too long here, the second insists on it. */
async function takeDump(faulty: Fault): Promise<string> {
  faulty.signal('SIGUSR1');
  const first = readFileSync(await faulty.saw(/dump 1 .*: (\S+\.txt)/), 'utf8');
  if (!first.includes('to have it anyway')) return first;
  faulty.signal('SIGUSR1');
  return readFileSync(await faulty.saw(/dump 2 .*: (\S+\.txt)/), 'utf8');
}

describe('SIGUSR1 finds the line of', () => {
  it.each(DUMPED)('$name', async ({ name, trigger, says }) => {
    const faulty = run(name);
    await (trigger?.(faulty) ?? faulty.saw(/up\n/));
    const dump = await takeDump(faulty);
    for (const text of [...culprits(name).map((line) => `/${line}:`), ...says]) {
      expect(dump).toContain(text);
    }
    expectShown(name, dump);
    // Sockets that no code of the program listens to are among the handles, not here.
    expect(dump).not.toMatch(/^ {2}\d+ x Socket$/m);
    expect(culprits(name)).not.toHaveLength(0);
  });
});

const BLOCKED: Hunt[] = [
  {
    name: 'blocked-by-regex',
    trigger: (names) => names.request(`/${'a'.repeat(40)}!`),
    says: ['has been blocked', 'isName'],
  },
  { name: 'blocked-by-json', trigger: (shop) => shop.request('/'), says: ['copyFor'] },
  { name: 'blocked-by-crypto', trigger: (login) => login.request('/secret'), says: ['hashOf'] },
  { name: 'microtask-starvation', says: ['has been blocked', 'nextMessage'] },
];

describe('the watchdog finds the line of', () => {
  it.each(BLOCKED)('$name', async ({ name, trigger, says }) => {
    const faulty = run(name);
    trigger?.(faulty).catch(() => {});
    const report = await faulty.wrote(`/${culprits(name)[0]}:`);
    for (const text of says) expect(report).toContain(text);
    expectShown(name, report);
  });
});

/** The part of a `.cpuprofile` that is read here. Lines count from 0, but those of ticks from 1. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly callFrame: { readonly url: string };
    readonly hitCount: number;
    readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[];
  }[];
}

/** The part of a `.heapprofile` that is read here. Lines count from 0. */
interface HeapNode {
  readonly callFrame: { readonly url: string; readonly lineNumber: number };
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

const most = <T>(items: readonly T[], sizeOf: (item: T) => number): T =>
  items.reduce((former, item) => (sizeOf(item) > sizeOf(former) ? item : former));

const allOf = (node: HeapNode): HeapNode[] => [node, ...node.children.flatMap(allOf)];

/** Where in the source a line of the compiled code comes from, as the tools that show profiles look it up. */
function sourceLine(url: string, line: number): string {
  const file = url.startsWith('file:') ? fileURLToPath(url) : url;
  const end = readFileSync(file, 'utf8').split('\n')[line]?.length ?? 0;
  const map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')));
  const { originalSource, originalLine } = map.findEntry(line, end) as SourceMapping;
  return `${basename(originalSource)}:${originalLine + 1}`;
}

/** Takes a profile while `load` runs, and gives the file with that extension. */
async function profile(faulty: Fault, extension: string, load: () => Promise<unknown>) {
  faulty.signal('SIGUSR2');
  await faulty.saw(/profiling .* \(SIGUSR2\)/);
  await load();
  faulty.signal('SIGUSR2');
  const path = await faulty.saw(new RegExp(`profile of .* (\\S+\\.${extension})`));
  return JSON.parse(readFileSync(path, 'utf8'));
}

describe('SIGUSR2 finds the line of', () => {
  it('hot-function', async () => {
    const faulty = run('hot-function');
    await faulty.saw(/answer 20:/);
    const { nodes }: CpuProfile = await profile(faulty, 'cpuprofile', () =>
      faulty.saw(/answer 120:/),
    );
    const inCode = nodes.filter(({ callFrame }) => callFrame.url.endsWith('/hot-function.js'));
    const { callFrame, positionTicks = [] } = most(inCode, ({ hitCount }) => hitCount);
    const { line } = most(positionTicks, ({ ticks }) => ticks);
    expect(sourceLine(callFrame.url, line - 1)).toBe(culprits('hot-function')[0]);
  });

  it('growing-heap', async () => {
    const faulty = run('growing-heap');
    await faulty.request('/prices');
    const { head } = await profile(faulty, 'heapprofile', async () => {
      for (let i = 0; i < 30; i += 1) await faulty.request('/prices');
    });
    const { callFrame } = most(allOf(head), ({ selfSize }) => selfSize);
    expect(sourceLine(callFrame.url, callFrame.lineNumber)).toBe(culprits('growing-heap')[0]);
  });
});

describe('faults.md', () => {
  it('shows each of them', () => {
    const names = [...DUMPED, ...BLOCKED].map(({ name }) => name);
    expect([...shown.keys()].sort()).toEqual(names.sort());
  });
});
