import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../../tools/run-program';
import { succeeded } from './harness/succeeded';
import { runCli } from './run-cli';

const REPORT = join(__dirname, 'fixtures', 'report.json');

/** What a live process wrote: `dump.json`, `dump.txt`, `.cpuprofile`, … by their end. */
let folder: string;
const file = (end: string, nth = 0): string =>
  join(
    folder,
    readdirSync(folder)
      .filter((name) => name.endsWith(end))
      .sort()[nth] ?? '?',
  );

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lastcall-view-'));
  const program = runProgram(
    join(__dirname, '..'),
    `
      const { proc } = require('@lastcall/proc');
      proc.setup({ logger: false, name: 'orders', dumpDir: process.env.DUMPS });
      const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
      async function query() { await sleep(60000); }
      async function handler() { await query(); }
      proc.activities.addSource(() => [{ kind: 'request', name: 'GET /a', ageMs: 3000, ageAtLeast: true }]);
      (async () => {
        for (let i = 0; i < 3; i++) handler();
        await proc.dump({ awaits: 'always' });
        for (let i = 0; i < 4; i++) handler();
        await proc.startProfile({ intervalMs: 1 });
        setInterval(function refreshPrices() {}, 45_000);
        const end = Date.now() + 200;
        (function burn() { while (Date.now() < end) Math.sqrt(Math.random()); })();
        await proc.stopProfile();
        await sleep(10);
        await proc.dump({ awaits: 'always' });
        process.exit(0);
      })();
    `,
    { env: { DUMPS: folder }, deadlineMs: 60_000 },
  );
  expect((await program.ended).code).toBe(0);
}, 90_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('lastcall view of a report', () => {
  it('is a timeline: every listener with bar, outcome and counts, and what was cut', async () => {
    const { out } = await succeeded(runCli(['view', REPORT]));
    expect(out).toContain('not ok, 5.5 s, forced (waitTimeMs)');
    expect(out).toMatch(/intake web +█+ +cut +2 ms +3 drained, 2 ended, 2 cut/);
    expect(out).toMatch(/work stuck +█{10,} +late +4\.5 s/);
    expect(out).toMatch(/▲ hammer at 4\.5 s/);
    expect(out).toContain('broker: no broker');
    expect(out).toContain('LASTCALL_NOT_DRAINED: a socket listens');
    expect(out).toContain('in flight: kind job, name invoice');
  });

  it('obeys no escape sequence that a peer put into it', async () => {
    const { out } = await runCli(['view', REPORT]);
    expect(out).toContain('cut by web');
    expect(out).toContain('path /slow<script>, ageMs >= 1200, peer');
    expect(out).toContain('state running, heldMs >= 700');
    expect(out).not.toContain('secret');
    expect(out).not.toContain('\u001B');
  });

  it('leaves out the SQL that showSql has put into it, as logs do', async () => {
    const path = join(folder, 'with-sql.report');
    const report = JSON.parse(readFileSync(REPORT, 'utf8'));
    report.listeners[0].cut = [{ outcome: 'rolled back', sql: "update cards set pin = '4711'" }];
    report.listeners[1].cut = [{ outcome: 'outcome unknown' }];
    writeFileSync(path, JSON.stringify(report));
    const { out } = await runCli(['view', path]);
    await runCli(['view', path, '--html', `${path}.html`]);
    for (const shown of [out, readFileSync(`${path}.html`, 'utf8')]) {
      expect(shown).toContain('outcome rolled back');
      expect(shown).not.toContain('4711');
      expect(shown).toContain('outcome unknown');
      expect(shown).not.toContain('outcome outcome');
    }
  });

  it.each([
    'pid',
    'durationMs',
    'outcome',
    'startMs',
    'stage',
    'phase',
    'forced',
    'drained',
    'ended',
    'wrapUpTimeMs',
  ])(
    'is refused when it has something else in %s, which would get into the page or onto the terminal',
    async (field) => {
      // Not in the folder of what a live process wrote, where a test takes the first file.
      const own = join(folder, field);
      mkdirSync(own);
      const path = join(own, 'report.json');
      const html = join(own, 'report.html');
      const hostile = '<script>alert(1)</script>\u001B[2J';
      const text = readFileSync(REPORT, 'utf8');
      const changed = JSON.stringify(JSON.parse(text), (key, value) =>
        key === field ? hostile : value,
      );
      expect(changed).toContain('alert(1)');
      writeFileSync(path, changed);
      const { code, out } = await runCli(['view', path]);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect((await runCli(['view', path, '--html', html])).code).toBe(1);
      expect(readdirSync(own)).toEqual(['report.json']);
    },
  );

  it('is a Gantt chart with --html: one page without scripts or references', async () => {
    const page = join(folder, 'report.html');
    await succeeded(runCli(['view', REPORT, '--html', page]));
    const html = readFileSync(page, 'utf8');
    expect(html.match(/class="bar/g)?.length).toBeGreaterThanOrEqual(8);
    expect(html).not.toMatch(/<script|src=|href=/);
    expect(html).toContain('/slow&#60;script&#62;');
    expect(html).toContain('3 drained, 2 ended, 2 cut');
    expect(html).toMatch(/<th>LASTCALL_NOT_DRAINED<.th><td>a socket listens/);
    expect(html).toMatch(/In flight at the end[\s\S]*<td>kind job, name invoice/);
  });
});

describe('lastcall view of a dump', () => {
  it('is a tree in which callers stand above what they wait for', async () => {
    const { out } = await runCli(['view', file('.json')]);
    expect(out).toContain('request GET /a, >= 3.0 s');
    expect(out).toMatch(/3 x handler .*\n.*└─ 3 x query .*waits for Timeout/);
  });

  it('is the whole text with --full, and the document with --json', async () => {
    expect((await runCli(['view', file('.json'), '--full'])).out).toContain('=== end of dump 1');
    const { out } = await runCli(['view', '--json', file('.json')]);
    expect(JSON.parse(out).schema).toBe('lastcall.dump/1');
    expect((await runCli(['view', file('.txt')])).out).toContain('=== lastcall dump: orders');
  });

  it('says where it counts promises', async () => {
    const { awaits, ...dump } = JSON.parse(readFileSync(file('.json'), 'utf8'));
    const stacks = join(folder, 'stacks.of-promises');
    const counted = { ...awaits, status: 'degraded', counted: 'promises', suspended: 6 };
    writeFileSync(stacks, JSON.stringify({ ...dump, awaits: counted }));
    const { out } = await runCli(['view', stacks]);
    expect(out).toContain('await sites: 6 pending promises, of which a function may have several');
    const page = join(folder, 'stacks.html');
    await runCli(['view', stacks, '--html', page]);
    expect(readFileSync(page, 'utf8')).toContain('<h2>6 pending promises</h2>');
  });

  it('says what changed between two', async () => {
    const dumps = readdirSync(folder)
      .filter((name) => /-dump-.*json$/.test(name))
      .sort();
    const paths = dumps.map((name) => join(folder, name));
    const { out } = await runCli(['view', ...paths]);
    expect(out).toMatch(/\+4 {2}suspended \(3 -> 7\)/);
    expect(out).toMatch(/\+1 {2}Timeout of refreshPrices /);
    expect((await runCli(['view', paths[1] ?? ''])).out).toMatch(
      /1 x Timeout every 45\.0 s {2}refreshPrices /,
    );
    const json = JSON.parse((await runCli(['view', '--json', ...paths])).out);
    expect(json.groups[0]).toMatchObject({ before: 3, after: 7 });
    expect((await runCli(['view', REPORT, paths[0] ?? ''])).code).toBe(1);
  });

  it.each([[['--html', 'diff.html']], [['--web']], [['--full']]])(
    'refuses %j with two, of which there is a text alone',
    async (options) => {
      const { code, out, err } = await runCli(['view', file('.json'), file('.json'), ...options]);
      expect([code, out]).toEqual([2, '']);
      expect(err).toContain(`${options[0]} shows one file`);
    },
  );

  it('is a page with --html', async () => {
    const page = join(folder, 'dump.html');
    await runCli(['view', file('.json'), '--html', page]);
    expect(readFileSync(page, 'utf8')).toMatch(/<details open><summary><b>3 ×<\/b> handler/);
  });
});

describe('lastcall view of a profile', () => {
  it('lists the functions that took the CPU', async () => {
    const { out } = await runCli(['view', file('.cpuprofile')]);
    expect(out).toMatch(/CPU time: [\d.]+ (ms|s)\n +\d+\.\d % +[\d.]+ ms {2}burn/);
    const json = JSON.parse((await runCli(['view', '--json', file('.cpuprofile')])).out);
    expect(json.functions[0].functionName).toBe('burn');
  });

  it('lists who allocated the memory in use, and how the event loop did', async () => {
    expect((await runCli(['view', file('.heapprofile')])).out).toMatch(/^memory in use/);
    const loop = readdirSync(folder).find((name) => name.includes('-loop-')) ?? '';
    expect((await runCli(['view', join(folder, loop)])).out).toMatch(/event loop, .* busy/);
  });

  it('refuses what it does not know, and what it has no page for', async () => {
    const other = join(folder, 'other');
    writeFileSync(other, '{"a":1}');
    expect(await runCli(['view', other])).toMatchObject({ code: 1, out: '' });
    expect((await runCli(['view', '/nowhere'])).code).toBe(3);
    expect((await runCli(['view', file('.cpuprofile'), '--html', '/nowhere/x'])).code).toBe(1);
  });
});

describe('lastcall view --web', () => {
  let child: ChildProcess;

  async function open(path: string): Promise<string> {
    const bin = join(__dirname, '..', 'bin', 'lastcall.js');
    child = spawn(process.execPath, [bin, 'view', path, '--web', '--no-open']);
    let out = '';
    for await (const chunk of child.stdout?.setEncoding('utf8') ?? []) {
      out += chunk;
      const [url] = /http:\S+/.exec(out) ?? [];
      if (url !== undefined) return url;
    }
    throw new Error(`no address in ${out}`);
  }

  async function close(): Promise<number | null> {
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    return (await ended)[0];
  }

  it('serves speedscope with the profile, from this machine and to nobody else', async () => {
    const path = file('.cpuprofile');
    const url = new URL(await open(path));
    const page = await fetchText(url.href);
    expect(page.status).toBe(200);
    for (const [, name] of page.body.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect(name).not.toMatch(/^https?:/);
      expect((await fetchText(new URL(name ?? '', url).href)).status).toBe(200);
    }
    const profile = new URLSearchParams(url.hash.slice(1)).get('profileURL') ?? '';
    expect((await fetchText(new URL(profile, url).href)).body).toBe(readFileSync(path, 'utf8'));
    expect((await fetchText(`${url.origin}/`)).status).toBe(404);
    expect((await fetchText(`${url.origin}/guess/speedscope/index.html`)).status).toBe(404);
    expect((await fetchText(url.href, { host: 'evil.example' })).status).toBe(404);
    expect((await fetchText(`${url.origin}${url.pathname}/../../../package.json`)).status).toBe(
      404,
    );
    expect(await close()).toBe(0);
  });

  it('serves the page of a report', async () => {
    const { body } = await fetchText(await open(REPORT));
    expect(body).toContain('class="gantt"');
    expect(await close()).toBe(0);
  });
});

function fetchText(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number | undefined; readonly body: string }> {
  return new Promise((resolve, reject) => {
    get(url, { headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode, body }));
    }).on('error', reject);
  });
}
