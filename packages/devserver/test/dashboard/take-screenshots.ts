// Takes the pictures of the docs: node -r ts-node/register/transpile-only packages/devserver/test/dashboard/take-screenshots.ts [folder]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { findChromium, launchChromium } from './chromium';
import { openDashboard, textOf } from './open-dashboard';
import { listenersIn, runningStatus, type SampleStatus, stoppingStatus } from './sample-status';

const FOLDER = process.argv[2] ?? join(__dirname, '..', '..', '..', '..', 'docs', 'images');
const HISTORY_SECONDS = 280;

void main();

async function main(): Promise<void> {
  const chromium = findChromium();
  if (chromium === undefined) throw new Error('chromium is not installed');
  mkdirSync(FOLDER, { recursive: true });
  const browser = await launchChromium(chromium);
  try {
    await take(browser, 'dashboard-running.png', 'light', busy(HISTORY_SECONDS), 'Running, ready');
    await take(browser, 'dashboard-stopping.png', 'dark', stopping(), 'Shutting down: work');
  } finally {
    await browser.close();
  }
}

async function take(
  browser: Browser,
  name: string,
  colorScheme: 'light' | 'dark',
  status: SampleStatus,
  title: string,
): Promise<void> {
  const { page, server, close } = await openDashboard(browser, {
    status: busy(0),
    colorScheme,
    viewport: { width: 1280, height: 905 },
  });
  await page.clock.install();
  await page.reload();
  await textOf(page, '#headline-title', 'Running, ready');
  for (let second = 1; second < HISTORY_SECONDS; second += 1) {
    await say(page, () => server.say(busy(second)));
    await page.clock.runFor(1000);
  }
  await say(page, () => server.say(status));
  await textOf(page, '#headline-title', title);
  await page.screenshot({ path: join(FOLDER, name) });
  await close();
}

/** Says something and waits until the page has drawn it. */
async function say(page: Page, tell: () => void): Promise<void> {
  const drawn = page.evaluate(
    'new Promise((resolve) => { const seen = new MutationObserver(() => { seen.disconnect(); resolve(); }); ' +
      'seen.observe(document.querySelector(".charts"), { subtree: true, childList: true, characterData: true }); })',
  );
  await page.evaluate('0');
  tell();
  await drawn;
}

/** A service under load, whose load swells for twenty seconds. */
function busy(second: number): SampleStatus {
  const status = runningStatus();
  const wave = Math.sin(second / 17) + 0.4 * Math.sin(second / 5.3) + 0.5 * noise(second);
  const peak = second > 195 && second < 216 ? 1 : 0;
  status.loop = {
    utilization: 0.42 + 0.12 * wave + 0.27 * peak,
    delayMs: {
      p50: 1.1 + 0.4 * noise(second + 1),
      p99: 6 + 2 * wave + 6 * peak,
      max: 14 + 9 * noise(second + 2) + 38 * peak,
    },
  };
  status.memory.heapUsedBytes = 60e6 + (second % 41) * 0.6e6 + 1e6 * noise(second + 3);
  status.memory.heapTotalBytes = 94e6 + (second > 120 ? 6e6 : 0);
  status.memory.rssBytes = 168e6 + second * 0.05e6 + 1e6 * noise(second + 4);
  status.activityCounts = { 'http request': 214, job: 1, 'pg query': 12, websocket: 31 };
  const requests = Array.from({ length: 30 }, (_, i) => ({
    kind: i % 5 === 2 ? 'pg query' : 'http request',
    name: i % 5 === 2 ? 'SELECT orders' : `GET /orders/${7001 + i * 37}`,
    owner: i % 5 === 2 ? 'orders-db' : 'web',
    state: i % 5 === 2 ? 'running' : 'handling',
    peer: i % 5 === 2 ? '10.0.4.2:5432' : `10.0.3.${i + 4}:${51_000 + i * 13}`,
    ageMs: 2100 - i * 61,
  }));
  status.activities = [
    { kind: 'job', name: 'send invoices', owner: 'invoices', ageMs: 64_200 },
    ...status.activities.slice(0, 1),
    ...requests,
  ];
  return status;
}

function stopping(): SampleStatus {
  const status = stoppingStatus({
    state: 'shutting-down',
    stage: 'work',
    stoppingMs: 3210,
    listeners: listenersIn({
      consul: ['ok', 0, 180],
      web: ['ok', 1000, 1140],
      grpc: ['failed', 1000, 410],
      invoices: ['running', 2140, 1070],
    }),
  });
  status.activities = [{ kind: 'job', name: 'send invoices', owner: 'invoices', ageMs: 67_400 }];
  status.activityCounts = { job: 1 };
  return status;
}

/** From 0 to 1, and the same for the same second. */
function noise(second: number): number {
  const value = Math.sin(second * 12.9898) * 43_758.5453;
  return value - Math.floor(value);
}
