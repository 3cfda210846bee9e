import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** The installed Chromium; undefined when there is none. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, 'chromium')).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts a browser without a window. Its sandbox needs another user than root. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    chromiumSandbox: process.getuid?.() !== 0,
    args: ['--disable-dev-shm-usage'],
  });
}

/**
 * Tests that need Chromium. Where it is missing they are skipped and their names say why; with
 * LASTCALL_REQUIRE_SERVICES=1 they fail. LASTCALL_SKIP_BROWSER=1 leaves them out: what a page does in a browser is the
 * same on every version of Node.
 */
export function describeInChromium(name: string, body: (executablePath: string) => void): void {
  const found = findChromium();
  if (process.env.LASTCALL_SKIP_BROWSER === '1') {
    it.skip(`${name} (skipped: LASTCALL_SKIP_BROWSER=1)`, () => {});
  } else if (found !== undefined) {
    describe(name, () => body(found));
  } else if (process.env.LASTCALL_REQUIRE_SERVICES === '1') {
    it(name, () => {
      throw new Error('chromium is not installed (LASTCALL_REQUIRE_SERVICES=1 asks for it)');
    });
  } else {
    it.skip(`${name} (skipped: chromium is not installed)`, () => {});
  }
}
