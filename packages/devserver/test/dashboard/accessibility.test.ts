import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { describeInChromium, launchChromium } from './chromium';
import { type OpenDashboard, openDashboard, textOf } from './open-dashboard';
import { listenersIn, runningStatus, type SampleStatus, stoppingStatus } from './sample-status';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const STATES: Record<string, SampleStatus> = {
  'Running, ready': runningStatus(),
  'Wrapping up': stoppingStatus({
    state: 'wrapping-up',
    stoppingMs: 200,
    listeners: listenersIn({ consul: ['running', 0, 200] }),
  }),
  'Shutting down: work': stoppingStatus({
    state: 'shutting-down',
    stage: 'work',
    stoppingMs: 2000,
    listeners: listenersIn({ consul: ['late', 0, 1000], invoices: ['running', 1500, 500] }),
  }),
  'Shutting down: resources': stoppingStatus({
    state: 'shutting-down',
    stage: 'resources',
    stoppingMs: 4600,
    hammerMs: 4500,
    listeners: listenersIn({ web: ['cut', 1000, 3500], grpc: ['failed', 1000, 10] }),
  }),
  'Main thread blocked': { ...runningStatus(), mainThread: { responsive: false, blockedMs: 9000 } },
};

describeInChromium('dashboard', (chromium) => {
  let browser: Browser;
  let dashboard: OpenDashboard;

  beforeAll(async () => {
    browser = await launchChromium(chromium);
  });
  afterAll(() => browser.close());
  afterEach(() => dashboard.close());

  const cases = Object.keys(STATES).flatMap((title) => [
    { title, colorScheme: 'light' as const },
    { title, colorScheme: 'dark' as const },
  ]);

  it.each(cases)('breaks no rule of axe: $title, $colorScheme', async ({ title, colorScheme }) => {
    const status = STATES[title];
    dashboard = await openDashboard(browser, {
      ...(status && { status }),
      colorScheme,
    });
    await textOf(dashboard.page, '#headline-title', title);
    expect(await violations(dashboard.page)).toEqual([]);
    expect(dashboard.faults).toEqual([]);
  });

  it.each(['light', 'dark'] as const)(
    'breaks no rule of axe in a result, %s',
    async (colorScheme) => {
      dashboard = await openDashboard(browser, { colorScheme });
      const { page, server } = dashboard;
      server.answer('/debug/dump', { body: 'a dump\n'.repeat(200) });
      await textOf(page, '#headline-title', 'Running, ready');
      await page.getByRole('button', { name: 'Dump', exact: true }).click();
      await page.getByRole('dialog').waitFor();
      expect(await violations(page)).toEqual([]);
    },
  );

  it('is in colours of its own in the dark, charts too', async () => {
    dashboard = await openDashboard(browser, { colorScheme: 'light' });
    const { page } = dashboard;
    await textOf(page, '#chart-memory', '184 MB');
    const light = await page.screenshot();
    await page.emulateMedia({ colorScheme: 'dark' });
    const background = 'getComputedStyle(document.body).backgroundColor';
    expect(await page.evaluate(background)).toBe('rgb(19, 20, 22)');
    expect(await page.screenshot()).not.toEqual(light);
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await page.evaluate(background)).toBe('rgb(246, 246, 244)');
  });

  it('announces what changes once, and not the numbers that tick', async () => {
    dashboard = await openDashboard(browser, {
      status: STATES['Shutting down: work'] as SampleStatus,
    });
    const { page, server } = dashboard;
    await textOf(page, '#announcement', 'Shutting down: work');
    await page.evaluate(
      'window.said = []; for (const id of ["announcement", "alarm"]) new MutationObserver(() => said.push(document.getElementById(id).textContent)).observe(document.getElementById(id), { childList: true })',
    );
    server.say(
      stoppingStatus({ state: 'shutting-down', stage: 'work', stoppingMs: 3000, listeners: [] }),
    );
    await textOf(page, '#listeners-empty', 'No listener is registered');
    server.say(STATES['Shutting down: resources'] as SampleStatus);
    await textOf(page, '#alarm', 'Shutting down: resources');
    const said = await page.evaluate<string[]>('said');
    expect(said.filter((text) => text !== '')).toEqual([
      expect.stringMatching(/^Shutting down: resources\. /),
    ]);
  });

  it('reaches every control by Tab, in the order of the page', async () => {
    dashboard = await openDashboard(browser, {});
    const { page } = dashboard;
    await textOf(page, '#activity-rows', 'POST /orders/import');
    const reached: string[] = [];
    for (let i = 0; i < 17; i += 1) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate<string>(ACTIVE_NAME));
    }
    expect(reached).toEqual([
      'Dump',
      'awaits',
      'CPU profile',
      'seconds',
      'Heap profile',
      'seconds',
      'Listeners',
      'all',
      'http request3',
      'pg query1',
      'In flight 4',
      'pprof',
      'status',
      'report',
      'metrics',
      'readyz',
      'livez',
    ]);
  });

  it.each([320, 375, 800])('fits into a window %i px wide', async (width) => {
    dashboard = await openDashboard(browser, { viewport: { width, height: 700 } });
    const { page } = dashboard;
    await textOf(page, '#chart-memory', '184 MB');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
  });

  it('moves nothing when a stop begins or the main thread blocks', async () => {
    dashboard = await openDashboard(browser, {});
    const { page, server } = dashboard;
    let before: number[] | undefined;
    for (const [title, status] of Object.entries(STATES)) {
      server.say(status);
      await textOf(page, '#headline-title', title);
      const tops = await page.evaluate<number[]>(
        '["tools", "listeners", "activities", "chart-memory"].map((id) => document.getElementById(id).getBoundingClientRect().top)',
      );
      expect({ title, tops }).toEqual({ title, tops: before ?? tops });
      before = tops;
    }
  });
});

const ACTIVE_NAME =
  "((active) => active.name || (active.getAttribute('aria-labelledby') ? document.getElementById(active.getAttribute('aria-labelledby')).textContent : active.textContent).trim())(document.activeElement)";

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate<
    { id: string; nodes: { target: string[]; failureSummary: string }[] }[]
  >('axe.run().then(({ violations }) => violations)');
  return found.map(({ id, nodes }) =>
    [id, ...nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`)].join('\n'),
  );
}
