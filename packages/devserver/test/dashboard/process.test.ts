import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { Status } from '../../dashboard/src/status';
import type { StatusDocument } from '../../src/worker/status-document';
import { type OrderedProgram, runProgram } from '../run-program';
import { describeInChromium, launchChromium } from './chromium';
import { textOf, watchFaults } from './open-dashboard';

// What the page reads is what the devserver sends, or this does not compile.
const asPageReadsIt: (document: StatusDocument) => Status = (document) => document;
const TOKEN = '0123456789abcdef'.repeat(2);

describeInChromium('dashboard of a real process', (chromium) => {
  let browser: Browser;
  let page: Page;
  let program: OrderedProgram;
  let faults: string[];

  beforeAll(async () => {
    browser = await launchChromium(chromium);
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    program.kill('SIGKILL');
    await page.close();
    expect(faults).toEqual([]);
  });

  async function open(options = '', suffix = ''): Promise<void> {
    program = runProgram(`
      proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 60000, waitTimeMs: 90000 });
      proc.health.addProbe('web').markReady();
      proc.activities.begin({ kind: 'job', name: 'send invoices' });
      proc.onShutdown(() => new Promise((resolve) => { globalThis.release = resolve; say('held'); }),
        { name: 'orders-db', stage: 'work' });
      up(${options});`);
    const url = `http://127.0.0.1:${await program.port}/`;
    page = await browser.newPage();
    page.setDefaultTimeout(20_000);
    faults = watchFaults(page, url, true);
    await page.goto(`${url}${suffix}`);
    await textOf(page, '#headline-title', 'Running, ready');
  }

  it('shows the stop as it goes, and the end of the process', async () => {
    await open();
    await textOf(page, 'header', `pid ${program.child.pid}`);
    await textOf(page, '#activity-rows', 'send invoices');
    await textOf(page, '#chart-memory', /\d MB/);
    program.kill('SIGTERM');
    await program.saw('held');
    await textOf(page, '#headline-title', 'Shutting down: work');
    await textOf(page, '#headline-detail', 'Waiting for orders-db');
    program.order('release();');
    await textOf(page, '#headline-title', /Process ended/);
  });

  it('shouts while the main thread is blocked, and shows the dump of it', async () => {
    await open();
    const free = join(mkdtempSync(join(tmpdir(), 'lastcall-')), 'free');
    program.order(`blockUntil(${JSON.stringify(free)});`);
    await program.saw('blocked');
    await textOf(page, '#headline-title', 'Main thread blocked');
    await page.getByRole('button', { name: 'Dump', exact: true }).click();
    await textOf(page, '#result-text', 'blockUntil');
    await page.getByRole('button', { name: 'Close' }).click();
    writeFileSync(free, '');
    await textOf(page, '#headline-title', 'Running, ready');
  });

  it.each([
    ['CPU profile', 'cpu'],
    ['Heap profile', 'heap'],
  ])('draws the flame graph of a %s', async (name) => {
    await open();
    await page.getByLabel(`Seconds of ${name}`).fill('1');
    await page.getByRole('button', { name, exact: true }).click();
    const graph = page.frameLocator('#result-graph iframe');
    await graph.getByText('Sandwich').click();
    await graph.getByText('Symbol Name').waitFor();
  });

  it('works with a token', async () => {
    await open(`{ token: '${TOKEN}' }`, `#token=${TOKEN}`);
    await page.getByRole('button', { name: 'Dump', exact: true }).click();
    await textOf(page, '#result-text', 'send invoices');
    expect(page.url()).not.toContain(TOKEN);
  });

  it('reads what the devserver sends', async () => {
    await open();
    const status = await page.evaluate<StatusDocument>(
      "fetch('debug/status').then((answer) => answer.json())",
    );
    expect(asPageReadsIt(status).mainThread).toEqual({ responsive: true, blockedMs: 0 });
  });
});
