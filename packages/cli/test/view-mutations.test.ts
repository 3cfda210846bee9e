import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DumpDocument } from '@lastcall/proc';
import fc from 'fast-check';
import { runCli } from './run-cli';

// Whoever wrote a file, and whatever has become of it: it is shown as it should be, or one sentence says what is wrong.

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Step = string | number;

const read = (name: string): Json =>
  JSON.parse(readFileSync(join(__dirname, 'fixtures', name), 'utf8'));

const REPORT = { ...(read('report.json') as object), fatal: { name: 'Error', message: 'fell' } };

const SAMPLE = read('dump.json') as unknown as DumpDocument;
const CODE = { functionName: 'tick', file: '/srv/app.js', line: 3, column: 7 };

/** With everything that is there at times only. */
const DUMP: DumpDocument = {
  ...SAMPLE,
  lifecycle: {
    ...SAMPLE.lifecycle,
    reason: 'SIGTERM',
    stoppingMs: 20,
    stage: 'work',
    hammerMs: 10,
    health: {
      ...SAMPLE.lifecycle.health,
      probes: [{ name: 'cache', ready: false }],
    },
  },
  activities: {
    counts: { request: 2 },
    oldest: [
      {
        kind: 'request',
        name: 'GET /a',
        owner: 'web',
        state: 'running',
        peer: '::1',
        ageMs: 9,
        ageAtLeast: true,
      },
    ],
  },
  handles: {
    groups: [
      { type: 'ChildProcess', state: 'open', endpoint: 'convert', count: 1, queuedBytes: 7 },
    ],
    list: [{ type: 'ChildProcess', id: 7, program: 'convert' }],
    total: 1,
  },
  awaits: {
    ...SAMPLE.awaits,
    reason: 'no time',
    omittedGroups: 2,
    groups: SAMPLE.awaits.groups.map((group) => ({ ...group, ageMs: { min: 1, max: 2 } })),
    resources: [
      {
        type: 'Timeout',
        count: 1,
        isRefed: false,
        delayMs: 10,
        repeats: true,
        callbacks: [{ ...CODE, event: 'timeout' }],
      },
    ],
    listeners: [{ ...CODE, emitter: 'Bus', event: 'tick', count: 40 }],
  },
  memory: { ...SAMPLE.memory, constrainedBytes: 1e9 },
  watchdog: { thresholdMs: 100, blocks: 2, longestMs: 300, totalMs: 400 },
  profiling: true,
  warnings: ['memory: not known'],
};

const FILES: Readonly<Record<string, Json>> = {
  report: REPORT as Json,
  dump: DUMP as unknown as Json,
};

/** Where something is in a document, itself included. */
function pathsIn(value: Json): Step[][] {
  if (typeof value !== 'object' || value === null) return [[]];
  const entries: [Step, Json][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return [[], ...entries.flatMap(([step, one]) => pathsIn(one).map((path) => [step, ...path]))];
}

/** A copy with something else in one place; undefined removes it. */
function changed(value: Json, [step, ...rest]: readonly Step[], other: Json | undefined): Json {
  if (step === undefined) return other ?? null;
  if (typeof value !== 'object' || value === null) return value;
  const copy = structuredClone(value) as Record<Step, Json>;
  if (rest.length === 0 && other === undefined) delete copy[step];
  else if (rest.length === 0) copy[step] = other as Json;
  else copy[step] = changed(copy[step] ?? null, rest, other);
  return copy;
}

/** One of each kind. */
const OTHERS: readonly (Json | undefined)[] = [
  undefined,
  null,
  true,
  'x',
  '',
  7,
  -1,
  1e308,
  {},
  { a: {} },
  [],
  [null],
  [{}],
  [[7]],
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lastcall-mutations-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Everything that people see of a document. */
async function shown(document: Json): Promise<{ codes: number[]; text: string }> {
  const [path, page] = [join(folder, 'file.json'), join(folder, 'page.html')];
  // Another number than JSON has: 1e999 is read as Infinity.
  writeFileSync(path, JSON.stringify(document).replaceAll('1e+308', '1e999'));
  const codes: number[] = [];
  let text = '';
  for (const options of [[], ['--full'], ['--html', page]]) {
    rmSync(page, { force: true });
    const { code, out, err } = await runCli(['view', path, ...options]);
    codes.push(code);
    text += out + err;
    // It is refused before it is known how it is to be shown.
    if (code === 1) break;
    if (options[0] === '--html') text += readFileSync(page, 'utf8');
  }
  return { codes, text };
}

const NONSENSE = /undefined|\[object|NaN|Infinity|TypeError|is not a function|Cannot read|Invalid/;
const SENTENCE = /damaged: .+ must be .+, and is .+|is neither a report/;

async function assertSensible(document: Json): Promise<void> {
  const { codes, text } = await shown(document);
  expect(text).not.toMatch(NONSENSE);
  expect([0, 1]).toContain(codes[0]);
  // All of them say the same.
  expect(new Set(codes).size).toBe(1);
  if (codes[0] === 1) expect(text).toMatch(SENTENCE);
}

describe.each(Object.keys(FILES))('a %s that is not as it should be', (name) => {
  const document = FILES[name] as Json;

  it('is shown as it is', async () => {
    expect((await shown(document)).codes).toEqual([0, 0, 0]);
  });

  it('in any one field', async () => {
    const failures: string[] = [];
    for (const path of pathsIn(document))
      for (const other of OTHERS) {
        try {
          await assertSensible(changed(document, path, other));
        } catch (error) {
          const [line] = (error as Error).message.split('\n').slice(-1);
          failures.push(`${path.join('.')} = ${JSON.stringify(other)}: ${line}`);
        }
      }
    expect(failures).toEqual([]);
  }, 120_000);

  it('in several at once', async () => {
    const mutation = fc.tuple(fc.constantFrom(...pathsIn(document)), fc.constantFrom(...OTHERS));
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 2, maxLength: 6 }), async (mutations) => {
        let other = document;
        for (const [path, value] of mutations) other = changed(other, path, value);
        await assertSensible(other);
      }),
      { numRuns: 200 },
    );
  }, 120_000);
});

it('of two dumps, one of which is not as it should be, the difference is sensible, too', async () => {
  const [before, after] = [join(folder, 'before.json'), join(folder, 'after.json')];
  writeFileSync(before, JSON.stringify(DUMP));
  for (const path of pathsIn(DUMP as unknown as Json))
    for (const other of [undefined, null, 7, 'x', {}, []]) {
      writeFileSync(after, JSON.stringify(changed(DUMP as unknown as Json, path, other)));
      const { code, out, err } = await runCli(['view', before, after]);
      expect({ path, other, text: out + err }).not.toMatchObject({
        text: expect.stringMatching(NONSENSE),
      });
      expect([0, 1]).toContain(code);
    }
}, 120_000);

it('says which field it is, and what it should be', async () => {
  const path = join(folder, 'file.json');
  writeFileSync(path, JSON.stringify(changed(REPORT as Json, ['listeners', 1, 'outcome'], 'well')));
  const { err } = await runCli(['view', path]);
  expect(err).toBe(
    `lastcall: ${path} looks like a report, but is damaged: listeners[1].outcome must be ok or failed or late or cut, and is a text that is none\n`,
  );
});
