import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { describeInChromium, launchChromium } from './chromium';
import { type OpenDashboard, type OpenOptions, openDashboard, textOf } from './open-dashboard';
import { runningStatus } from './sample-status';
import { takeCpuProfile, takeHeapProfile } from './take-profile';

const DUMP = `=== lastcall dump: orders pid 4242 ===\n${'  await readOrder  src/orders.ts:41:17\n'.repeat(300)}`;

describeInChromium('dashboard', (chromium) => {
  let browser: Browser;
  let dashboard: OpenDashboard;
  let page: Page;
  let expectedFaults: unknown[];

  beforeAll(async () => {
    browser = await launchChromium(chromium);
  });
  afterAll(() => browser.close());
  beforeEach(() => {
    expectedFaults = [];
  });
  afterEach(async () => {
    await dashboard.close();
    expect(dashboard.faults).toEqual(expectedFaults);
  });

  async function open(options: OpenOptions = {}): Promise<void> {
    dashboard = await openDashboard(browser, options);
    page = dashboard.page;
    await textOf(page, '#headline-title', 'Running, ready');
  }

  function press(name: string): Promise<void> {
    return page.getByRole('button', { name, exact: true }).click();
  }

  describe('dump', () => {
    it('is shown as text, with the await sites as chosen', async () => {
      await open();
      dashboard.server.answer('/debug/dump', { body: DUMP });
      await page.getByLabel('await sites').selectOption('always');
      await press('Dump');
      await page.getByRole('dialog', { name: /^Dump · orders 4242 · \d\d:\d\d:\d\d$/ }).waitFor();
      expect(await page.locator('#result-text').textContent()).toBe(DUMP);
      expect(dashboard.server.requests).toContain('/debug/dump?format=text&awaits=always');
    });

    it('is copied and downloaded', async () => {
      await open({ permissions: ['clipboard-read', 'clipboard-write'] });
      dashboard.server.answer('/debug/dump', { body: DUMP });
      await press('Dump');
      await press('Copy');
      await page.getByRole('button', { name: 'Copied' }).waitFor();
      expect(await page.evaluate('navigator.clipboard.readText()')).toBe(DUMP);
      const [download] = await Promise.all([page.waitForEvent('download'), press('Download')]);
      expect(download.suggestedFilename()).toMatch(/^orders-4242-dump-\d{8}T\d{6}Z\.txt$/);
      expect(readFileSync(await download.path(), 'utf8')).toBe(DUMP);
    });

    it('is selected where the browser gives no clipboard', async () => {
      await open();
      await page.evaluate('Object.defineProperty(navigator, "clipboard", { value: undefined })');
      await page.evaluate('document.execCommand = () => false');
      dashboard.server.answer('/debug/dump', { body: DUMP });
      await press('Dump');
      await press('Copy');
      await page.getByRole('button', { name: 'Select and copy by hand' }).waitFor();
      expect(await page.evaluate<string>('getSelection().toString()')).toContain(
        'src/orders.ts:41:17',
      );
    });

    it('works while the main thread is blocked', async () => {
      await open();
      dashboard.server.answer('/debug/dump', { body: DUMP });
      dashboard.server.say({
        ...runningStatus(),
        mainThread: { responsive: false, blockedMs: 9000 },
      });
      await textOf(page, '#headline-title', 'Main thread blocked');
      await press('Dump');
      await page.getByRole('dialog').waitFor();
    });

    it('can be opened again from the list, and by the keyboard alone', async () => {
      await open();
      dashboard.server.answer('/debug/dump', { body: DUMP });
      await page.getByRole('button', { name: 'Dump', exact: true }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'hidden' });
      const entry = page.getByRole('button', { name: /^Dump of \d\d:\d\d:\d\d$/ });
      await entry.focus();
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor();
      expect(await page.locator('#result-text').textContent()).toBe(DUMP);
    });

    it('that the devserver refuses is not shown, but why', async () => {
      await open({ mayDisconnect: true });
      expectedFaults = [expect.stringContaining('429')];
      dashboard.server.answer('/debug/dump', { status: 429, body: 'too many dumps' });
      await press('Dump');
      await textOf(page, '#tool-dump output', 'Refused: 429, too many dumps');
      expect(await page.getByRole('dialog').isVisible()).toBe(false);
    });

    it('that nobody answers is said to have failed', async () => {
      await open({ mayDisconnect: true });
      await dashboard.server.stop();
      await press('Dump');
      await textOf(page, '#tool-dump output', 'The devserver cannot be reached.');
    });
  });

  describe('CPU profile', () => {
    it('takes the seconds that are asked for, with progress, and is shown as a flame graph', async () => {
      await open();
      const body = await takeCpuProfile(function burnForTheFlameGraph() {
        for (const end = Date.now() + 100; Date.now() < end; );
      });
      const release = answerLater('/debug/pprof/profile', body);
      await page.getByLabel('Seconds of CPU profile').fill('7');
      await press('CPU profile');
      await textOf(page, '#tool-cpu output', /[67] s left/);
      await page.getByRole('progressbar', { name: 'CPU profile' }).waitFor();
      release();
      await page.getByRole('dialog', { name: /^CPU profile, 7 s · orders 4242/ }).waitFor();
      expect(dashboard.server.requests).toContain(
        '/debug/pprof/profile?seconds=7&format=cpuprofile',
      );
      const graph = page.frameLocator('#result-graph iframe');
      await graph.getByText('Sandwich').click();
      await graph.getByText('burnForTheFlameGraph').first().waitFor();
      const [download] = await Promise.all([page.waitForEvent('download'), press('Download')]);
      expect(download.suggestedFilename()).toMatch(/\.cpuprofile$/);
      expect(readFileSync(await download.path(), 'utf8')).toBe(body);
    });

    it('is cancelled by the same button, which tells the devserver', async () => {
      await open();
      answerLater('/debug/pprof/profile', '{}');
      await press('CPU profile');
      await page.getByLabel('Seconds of CPU profile').fill('3600');
      await press('Cancel');
      await page.getByRole('button', { name: 'CPU profile', exact: true }).waitFor();
      expect(await page.locator('#tool-cpu output').textContent()).toBe('');
      dashboard.server.answer('/debug/dump', { body: DUMP });
      await press('Dump');
      await page.getByRole('dialog').waitFor();
      expect(dashboard.server.cancelled).toEqual([
        '/debug/pprof/profile?seconds=5&format=cpuprofile',
      ]);
    });

    it('is not asked for with seconds that no devserver gives', async () => {
      await open();
      await page.getByLabel('Seconds of CPU profile').fill('3600');
      await press('CPU profile');
      expect(await page.locator('#tool-cpu').getAttribute('data-state')).toBeNull();
      expect(dashboard.server.requests.join()).not.toContain('profile?seconds');
    });

    it('says that another one runs', async () => {
      await open({ mayDisconnect: true });
      expectedFaults = [expect.stringContaining('409')];
      dashboard.server.say({ ...runningStatus(), profiling: true });
      await textOf(page, '#profiling', 'The process takes a profile of its own (SIGUSR2).');
      dashboard.server.answer('/debug/pprof/profile', { status: 409, body: '' });
      await press('CPU profile');
      await textOf(page, '#tool-cpu output', 'A profile runs already: one at a time.');
    });
  });

  it('shows a heap profile as a flame graph, too', async () => {
    await open();
    const kept: unknown[] = [];
    const body = await takeHeapProfile(function fillTheHeap() {
      for (let i = 0; i < 20_000; i += 1) kept.push({ order: [i, i, i, i] });
    });
    dashboard.server.answer('/debug/pprof/heap', { body });
    await page.getByLabel('Seconds of heap profile').fill('2');
    await press('Heap profile');
    await page.getByRole('dialog', { name: /^Heap profile, 2 s/ }).waitFor();
    expect(dashboard.server.requests).toContain('/debug/pprof/heap?seconds=2&format=heapprofile');
    const graph = page.frameLocator('#result-graph iframe');
    await graph.getByText('Sandwich').click();
    await graph.getByText('fillTheHeap').first().waitFor();
  });

  it('lists ten results at most, newest first', async () => {
    await open();
    for (let i = 1; i <= 11; i += 1) {
      dashboard.server.answer('/debug/dump', { body: 'x'.repeat(i) });
      await press('Dump');
      await page.getByRole('dialog').waitFor();
      await press('Close');
    }
    const entries = await page.locator('#results li').allInnerTexts();
    expect(entries).toHaveLength(10);
    expect(entries[0]).toContain('11 B');
    expect(entries[9]).toContain('2 B');
  });

  /** Answers once the returned function is called. */
  function answerLater(path: string, body: string): () => void {
    let release = (): void => {};
    const after = new Promise<void>((resolve) => {
      release = resolve;
    });
    dashboard.server.answer(path, { body, after });
    return release;
  }
});
