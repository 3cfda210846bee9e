import type { Browser, Page } from 'playwright-core';
import { describeInChromium, launchChromium } from './chromium';
import { type OpenDashboard, type OpenOptions, openDashboard, textOf } from './open-dashboard';
import { listenersIn, runningStatus, type SampleStatus, stoppingStatus } from './sample-status';

describeInChromium('dashboard', (chromium) => {
  let browser: Browser;
  let dashboard: OpenDashboard;
  let page: Page;

  beforeAll(async () => {
    browser = await launchChromium(chromium);
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    await dashboard.close();
    expect(dashboard.faults).toEqual([]);
  });

  async function open(status?: SampleStatus, more: OpenOptions = {}): Promise<void> {
    dashboard = await openDashboard(browser, { ...(status && { status }), ...more });
    page = dashboard.page;
  }

  function headline(title: string): Promise<void> {
    return page.getByRole('heading', { level: 2, name: title, exact: true }).waitFor();
  }

  function listener(name: string) {
    return page.locator('#listener-rows tr', { has: page.getByRole('rowheader', { name }) });
  }

  it('says that the process runs and is ready, who it is, and for how long', async () => {
    await open();
    await headline('Running, ready');
    await textOf(page, 'h1', 'orders');
    await textOf(page, 'header', 'pid 4242 · web-3 · Node 24.11.0');
    await textOf(page, 'header', 'live');
    await textOf(page, '.figure', '3h 12m up');
    expect(await page.title()).toBe('Running, ready · orders');
  });

  it('names the probes that are not ready', async () => {
    const status = runningStatus();
    const probes = [
      { name: 'web', ready: true },
      { name: 'orders-db', ready: false },
    ];
    const health = { ready: false, stopping: false, probes };
    await open({ ...status, lifecycle: { ...status.lifecycle, health } });
    await headline('Running, not ready');
    await textOf(page, '#headline-detail', 'Waiting for orders-db: 1 of 2 probes not ready.');
  });

  it('follows a stop from wrap-up to its end: what it waits for, and when it cuts', async () => {
    await open();
    await headline('Running, ready');
    dashboard.server.say(
      stoppingStatus({
        state: 'wrapping-up',
        stoppingMs: 200,
        listeners: listenersIn({ consul: ['running', 0, 200] }),
      }),
    );
    await headline('Wrapping up');
    await textOf(page, '#headline-detail', /still serving.* Waiting for consul \(\d\.\d s\)/);
    await textOf(page, '.figure', /s since SIGTERM/);

    dashboard.server.say(
      stoppingStatus({
        state: 'shutting-down',
        stage: 'work',
        stoppingMs: 2000,
        listeners: listenersIn({
          consul: ['ok', 0, 180],
          web: ['ok', 1000, 640],
          grpc: ['ok', 1000, 410],
          invoices: ['running', 1640, 360],
        }),
      }),
    );
    await headline('Shutting down: work');
    await textOf(page, '#headline-detail', /Waiting for invoices .* is cut in \d\.\d s/);
    expect(await listener('web').textContent()).toContain('ok+1.0 s640 ms');

    dashboard.server.say(
      stoppingStatus({
        state: 'shutting-down',
        stage: 'resources',
        stoppingMs: 4600,
        hammerMs: 4500,
        listeners: listenersIn({
          consul: ['late', 0, 1000],
          web: ['cut', 1000, 3500],
          grpc: ['failed', 1000, 410],
          invoices: ['ok', 4500, 20],
          'orders-db': ['running', 4520, 80],
        }),
      }),
    );
    await headline('Shutting down: resources');
    await textOf(page, '#headline-detail', 'The hammer fell at 4.5 s; the end comes at 5.5 s.');
    await textOf(page, '#listener-rows', /late[\s\S]*cut[\s\S]*failed[\s\S]*running[\s\S]*waiting/);

    dashboard.server.say(
      stoppingStatus({
        state: 'stopped',
        stoppingMs: 4700,
        listeners: listenersIn({ consul: ['late', 0, 1000], web: ['ok', 1000, 20] }).slice(0, 2),
      }),
    );
    await headline('Stopped');
    await textOf(page, '#headline-detail', 'Not in order: consul (late).');
  });

  it('says that a stop is stuck once its latest end is over', async () => {
    const listeners = listenersIn({ 'orders-db': ['running', 1000, 60_000] });
    await open(
      stoppingStatus({
        state: 'shutting-down',
        stage: 'resources',
        stoppingMs: 61_000,
        hammerMs: 4500,
        listeners,
      }),
    );
    await textOf(page, '#headline-detail', 'Stuck: it was to end after 5.5 s at the latest.');
    await textOf(page, '#headline-detail', 'Waiting for orders-db (1m 0s)');
  });

  it('draws each listener where it ran, and marks hold, hammer and end', async () => {
    const listeners = listenersIn({ web: ['ok', 1000, 1000], grpc: ['ok', 1000, 500] });
    await open(stoppingStatus({ state: 'stopped', stoppingMs: 2000, listeners }));
    await listener('web').locator('.bar').waitFor();
    const track = await box(page, '#listeners thead .track');
    const scale = track.width / (5500 * 1.03);
    const bar = await listener('web').locator('.bar').boundingBox();
    expect(bar?.x).toBeCloseTo(track.x + 1000 * scale, -1);
    expect(bar?.width).toBeCloseTo(1000 * scale, -1);
    await textOf(page, '#mark-hold', 'hold 1.0 s');
    await textOf(page, '#mark-hammer', 'hammer 4.5 s');
    await textOf(page, '#mark-end', 'end 5.5 s');
    const end = await box(page, '#mark-end');
    expect(end.x + end.width).toBeCloseTo(track.x + 5500 * scale, -1);
  });

  it('shouts when the main thread is blocked, for how long, and counts on', async () => {
    await open();
    await headline('Running, ready');
    const blocked = { ...runningStatus(), mainThread: { responsive: false, blockedMs: 12_400 } };
    dashboard.server.say(blocked);
    await headline('Main thread blocked');
    await textOf(page, '.figure', /1[2-9]\.\d s without an answer/);
    await textOf(page, '#headline-detail', 'A dump and a CPU profile work all the same');
    await textOf(page, '#alarm', 'Main thread blocked');
    dashboard.server.say({ ...blocked, mainThread: { responsive: false, blockedMs: 95_000 } });
    await textOf(page, '.figure', '1m 35s without an answer');
    dashboard.server.say(runningStatus());
    await headline('Running, ready');
    await textOf(page, '#announcement', 'Running, ready');
  });

  it('raises no alarm over a main thread that is slow for a moment', async () => {
    const slow = { ...runningStatus(), mainThread: { responsive: false, blockedMs: 300 } };
    await open(slow);
    await headline('Running, ready');
    expect(await page.locator('#alarm').textContent()).toBe('');
  });

  it('keeps the last state when the connection is lost, says how old it is, and comes back', async () => {
    await open(undefined, { mayDisconnect: true });
    await headline('Running, ready');
    await dashboard.server.stop();
    await headline('Connection lost');
    await textOf(page, '#headline-detail', 'It was running.');
    await textOf(page, 'header', /state of \d\d:\d\d:\d\d, .* old/);
    await textOf(page, '.figure', /since the last answer/);
    await textOf(page, '#activity-rows', 'POST /orders/import');
    await dashboard.server.start();
    await headline('Running, ready');
  });

  it('takes a connection that closes during a stop for the end of the process', async () => {
    const listeners = listenersIn({ traces: ['running', 2000, 100] });
    await open(
      stoppingStatus({ state: 'shutting-down', stage: 'telemetry', stoppingMs: 2100, listeners }),
      { mayDisconnect: true },
    );
    await headline('Shutting down: telemetry');
    await dashboard.server.stop();
    await headline('Process ended');
    await textOf(page, '#headline-detail', 'while the process was shutting down stage telemetry');
    dashboard.server.say({
      ...runningStatus(),
      process: { ...runningStatus().process, pid: 4243 },
    });
    await dashboard.server.start();
    await headline('Running, ready');
    await textOf(page, 'header', 'pid 4243');
  });

  it('says so when there is nobody to connect to, and connects once there is', async () => {
    await open(undefined, { mayDisconnect: true, token: 'x'.repeat(32), suffix: '#token=wrong' });
    await headline('Token needed');
    await dashboard.server.stop();
    await page.getByRole('textbox', { name: 'Token' }).fill('x'.repeat(32));
    await page.getByRole('button', { name: 'Unlock' }).click();
    await headline('No connection');
    await textOf(page, '#headline-detail', 'The devserver cannot be reached. Trying again');
    await dashboard.server.start();
    await headline('Running, ready');
  });

  it.each([
    ['another one', 'y'.repeat(32)],
    ['one that no header can carry', 'токен’…'.repeat(4)],
  ])('says that the token given is wrong, and asks again, when it is %s', async (_, wrong) => {
    const token = 'x'.repeat(32);
    await open(undefined, { mayDisconnect: true, token });
    await textOf(page, '#headline-detail', /^This devserver asks for the token/);
    const field = page.getByRole('textbox', { name: 'Token' });
    await field.fill(wrong);
    await field.press('Enter');
    await textOf(page, '#headline-detail', /^The token given is not the one/);
    await headline('Token needed');
    await field.fill(token);
    await field.press('Enter');
    await headline('Running, ready');
  });

  it('sends the token of its address, which is then out of sight, also after a reload', async () => {
    const token = 'f3'.repeat(16);
    await open(undefined, { token, suffix: `#token=${token}` });
    await headline('Running, ready');
    expect(page.url()).not.toContain(token);
    await page.reload();
    await headline('Running, ready');
    expect(dashboard.server.requests.join()).not.toContain(token);
  });

  it('lists what is in flight, oldest first, counts all of it and shows one kind', async () => {
    const status = runningStatus();
    await open({ ...status, activityCounts: { 'http request': 1203, 'pg query': 1 } });
    await textOf(page, '#activities-title', '1,204');
    const rows = page.locator('#activity-rows tr');
    await rows.nth(3).waitFor();
    expect(await rows.first().textContent()).toContain(
      '12.4 shttp requestPOST /orders/importuploading',
    );
    await textOf(page, '#activity-note', 'The oldest 4 of 1,204.');
    await page.getByRole('button', { name: 'pg query' }).click();
    expect(await rows.allInnerTexts()).toEqual([expect.stringMatching(/orders-db/)]);
    await page.getByRole('button', { name: 'all' }).click();
    expect(await rows.count()).toBe(4);
    dashboard.server.say({ ...status, activities: [], activityCounts: {} });
    await textOf(page, '#activity-note', 'Nothing is in flight.');
  });

  it('leaves text selected that an update does not change', async () => {
    await open();
    await textOf(page, '#activity-rows', 'POST /orders/import');
    await page.locator('#activity-rows .name').first().dblclick();
    const selected = await page.evaluate<string>('getSelection().toString()');
    expect(selected).not.toBe('');
    const later = runningStatus();
    const activities = later.activities.map((one) => ({
      ...one,
      ageMs: (one.ageMs ?? 0) + 60_000,
    }));
    dashboard.server.say({ ...later, activities: activities.slice(0, 3) });
    await textOf(page, '#activity-rows', '1m 12s');
    expect(await page.evaluate('getSelection().toString()')).toBe(selected);
  });

  it('draws event-loop delay, utilization and memory, and says their values with units', async () => {
    await open();
    await textOf(page, '#chart-delay', /p50\s*1\.1 ms\s*p99\s*6\.4 ms\s*max\s*18 ms/);
    await textOf(page, '#chart-utilization', /34 %/);
    await textOf(
      page,
      '#chart-memory',
      /rss\s*184 MB\s*heap\s*96\.5 MB\s*used\s*71\.2 MB\s*external\s*4\.1 MB/,
    );
    await page
      .getByRole('img', { name: 'Memory, last five minutes; now rss 184 MB, heap 96.5 MB' })
      .waitFor();
    expect(await page.locator('canvas').count()).toBe(3);
    const status = runningStatus();
    dashboard.server.say({ ...status, loop: { utilization: 0.99, delayMs: null } });
    await textOf(page, '#chart-delay', /p50\s*–/);
    await textOf(page, '#chart-utilization', /99 %/);
  });

  it('takes hostile names for text', async () => {
    const status = runningStatus();
    const name = '<img src=x onerror=alert(1)>';
    const [first] = status.activities;
    if (first === undefined) throw new Error('the sample has no activity');
    await open({
      ...status,
      process: { ...status.process, name },
      activities: [{ ...first, name }],
    });
    await textOf(page, 'h1', name);
    await textOf(page, '#activity-rows', name);
    expect(await page.locator('img').count()).toBe(0);
  });
});

async function box(page: Page, selector: string) {
  const found = await page.locator(selector).boundingBox();
  if (found === null) throw new Error(`${selector} is not visible`);
  return found;
}
