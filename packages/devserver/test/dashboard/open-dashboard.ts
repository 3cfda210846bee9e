import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { type FakeDevserver, startFakeDevserver } from './fake-devserver';
import { runningStatus, type SampleStatus } from './sample-status';

/** A dashboard in a browser, and the fake behind it. */
export interface OpenDashboard {
  readonly page: Page;
  readonly server: FakeDevserver;
  /** What a page that is in order has none of: errors on the console, exceptions, requests to elsewhere. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

/** How a dashboard is opened; the rest is for the browser. */
export interface OpenOptions extends BrowserContextOptions {
  readonly status?: SampleStatus;
  /** What follows the address of the page. */
  readonly suffix?: string;
  /** Asks for this token. */
  readonly token?: string;
  /** The browser's own word on a connection that ends is no fault of the page. */
  readonly mayDisconnect?: boolean;
}

/** For every wait of a test in the browser. */
const DEADLINE_MS = 15_000;

/** Starts a fake devserver and opens its page. */
export async function openDashboard(
  browser: Browser,
  {
    status = runningStatus(),
    suffix = '',
    token,
    mayDisconnect = false,
    ...context
  }: OpenOptions = {},
): Promise<OpenDashboard> {
  const server = await startFakeDevserver(status);
  if (token !== undefined) server.lock(token);
  const opened = await browser.newContext({ viewport: { width: 1320, height: 960 }, ...context });
  opened.setDefaultTimeout(DEADLINE_MS);
  const page = await opened.newPage();
  const faults = watchFaults(page, server.url, mayDisconnect);
  await page.goto(`${server.url}${suffix}`);
  return {
    page,
    server,
    faults,
    close: async () => {
      await opened.close();
      await server.stop();
    },
  };
}

/** Waits until an element has that text; the deadline's error says which had not. */
export async function textOf(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).waitFor({ state: 'attached' });
}

/**
 * Collects what a page in order has none of. With `mayDisconnect`, what the browser itself says of a connection that
 * ends, or of an answer that is no 200, is none.
 */
export function watchFaults(page: Page, url: string, mayDisconnect: boolean): string[] {
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    // What Chromium says of drawing without a graphics card.
    if (message.text().includes('GL Driver Message')) return;
    if (isAboutWasm(message.text())) return;
    if (mayDisconnect && /net::ERR_|401/.test(message.text())) return;
    faults.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => {
    if (!isAboutWasm(String(error))) faults.push(`exception: ${error}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !/^(blob|data):/.test(request.url()))
      faults.push(`request: ${request.url()}`);
  });
  return faults;
}

/**
 * speedscope reads mangled names of C++ with WebAssembly, which the policy forbids: profiles of Node have none.
 * What Chromium adds to that is a line of its own.
 */
function isAboutWasm(text: string): boolean {
  return /WebAssembly|'script-src' was not explicitly set/.test(text);
}
