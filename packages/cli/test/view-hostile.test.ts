import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { succeeded } from './harness/succeeded';
import { type CliResult, runCli } from './run-cli';

// Files come from other machines, and from other people.

const DUMP = readFileSync(join(__dirname, 'fixtures', 'dump.json'), 'utf8');
const HOSTILE = '<script>alert(1)</script>\u001B[2J';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lastcall-hostile-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function view(...argv: string[]): Promise<CliResult> {
  return runCli(['view', ...argv]);
}

/** The dump with `value` in every field of that name. */
function dumpWith(field: string, value: unknown): unknown {
  return JSON.parse(DUMP, (key, own) => (key === field ? value : own));
}

const frame = { functionName: 'f', url: 'file:///f.js', lineNumber: 1 };
const node = { callFrame: frame, selfSize: 1, children: [] };
const delays = { p50: 1, p90: 1, p99: 1, max: 1 };
const loop = {
  durationMs: 1,
  delayMs: delays,
  utilization: 0.5,
  collections: { major: { count: 1, totalMs: 1, maxMs: 1 } },
  memory: { start: { rssBytes: 1 }, end: { rssBytes: 2 } },
};
const cpu = { nodes: [{ id: 1, callFrame: frame }], startTime: 0, endTime: 9 };

describe('lastcall view refuses what looks like one of ours, and would get into a page or onto the terminal, or end it', () => {
  it.each<[string, unknown]>([
    ['a dump with its schema alone', { schema: 'lastcall.dump/1' }],
    ['a dump with a text for pid', dumpWith('pid', HOSTILE)],
    ['a dump with a text for the state', dumpWith('state', HOSTILE)],
    ['a dump with a text for a count', dumpWith('count', HOSTILE)],
    ['a dump with a text for suspended', dumpWith('suspended', HOSTILE)],
    ['a dump with a text for a delay', dumpWith('p99', HOSTILE)],
    ['a dump with a text for frames', dumpWith('frames', HOSTILE)],
    ['a dump with null for a frame', dumpWith('frames', [null])],
    ['a dump without health', dumpWith('health', null)],
    ['a dump with no number for uptimeMs', DUMP.replace(/"uptimeMs": \d+/, '"uptimeMs": 1e999')],
    ['a CPU profile with null for a node', { ...cpu, nodes: [null] }],
    ['a CPU profile with a node of nothing', { ...cpu, nodes: [{ id: 1 }], samples: [1, 1] }],
    ['a CPU profile with a text for samples', { ...cpu, samples: HOSTILE }],
    ['a heap profile with nothing at its head', { head: {} }],
    ['a heap profile with a text for a size', { head: { ...node, selfSize: HOSTILE } }],
    ['a heap profile with null below', { head: { ...node, children: [null] } }],
    ['a loop profile without delays', { ...loop, delayMs: undefined }],
    ['a loop profile with a text for a delay', { ...loop, delayMs: { ...delays, max: HOSTILE } }],
    ['a loop profile with null for collections', { ...loop, collections: null }],
  ])('%s', async (_, content) => {
    const path = written('file.json', content);
    expect(await view(path)).toEqual({ code: 1, out: '', err: expect.stringContaining('damaged') });
    const { code, out } = await view(path, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out).error.code).toBe('LASTCALL_CLI_UNKNOWN_FILE');
    expect((await view(path, '--html', join(folder, 'page.html'))).code).toBe(1);
    expect(readdirSync(folder)).toEqual(['file.json']);
  });
});

it('lastcall view shows the same files as they should be', async () => {
  const files = [DUMP, { ...cpu, samples: [1, 1], timeDeltas: [0, 5] }, { head: node }, loop];
  for (const content of files) await succeeded(view(written('file.json', content)));
});

describe('lastcall view obeys no escape sequence', () => {
  it.each<[string, unknown]>([
    ['in the text of a dump', `=== lastcall dump: ${HOSTILE}\n`],
    ['in names of a dump', dumpWith('functionName', HOSTILE)],
    ['in names of a loop profile', { ...loop, collections: { [HOSTILE]: loop.collections.major } }],
    ['in names of a CPU profile', JSON.stringify(cpu).replaceAll('"f"', JSON.stringify(HOSTILE))],
  ])('%s', async (_, content) => {
    const path = written('file', content);
    expect((await view(path)).out).not.toContain('\u001B');
    expect((await view(path, '--full')).out).not.toContain('\u001B');
  });

  it('in what changed between two dumps', async () => {
    const [before, after] = [dumpWith('functionName', HOSTILE), dumpWith('id', 'other')];
    const { code, out } = await view(written('before', before), written('after', after));
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('alert(1)') });
    expect(out).not.toContain('\u001B');
  });
});

describe('lastcall view of a heap profile', () => {
  it('that is wide: more children than a call has room for', async () => {
    const children = Array.from({ length: 200_000 }, () => node);
    const { code, out } = await view(written('wide', { head: { ...node, children } }));
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('200 kB') });
  });

  it('that is deep: more levels than the stack has', async () => {
    const levels = 20_000;
    const [before = '', after = ''] = JSON.stringify({ ...node, children: [0] }).split('0]');
    const head = `${before.repeat(levels)}${`]${after}`.repeat(levels)}`;
    const path = written('deep.heapprofile', `{"head":${head}}`);
    const onInterrupt = (end: (signal: NodeJS.Signals) => void): (() => void) => {
      queueMicrotask(() => end('SIGINT'));
      return () => {};
    };
    const { code, out } = await runCli(['view', path, '--web', '--no-open'], { onInterrupt });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('20 kB') });
  });
});
