import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { HttpError } from './http-error';
import type { Reply } from './reply';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
};

const PAGE_POLICY = policy({
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self'",
  'connect-src': "'self'",
  'frame-src': "'self'",
  'frame-ancestors': "'none'",
});
/** It is shown in a frame of the page, styles its elements itself, and is handed profiles as blobs. */
const SPEEDSCOPE_POLICY = policy({
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'font-src': "'self'",
  'connect-src': "'self' blob:",
  'frame-ancestors': "'self'",
});

/**
 * The files below `folder` by their path (`/index.html`), listed once: nothing that is added later, or lies elsewhere, is
 * ever served. Files and folders whose name begins with a dot, and links, are left out. Empty when there is no such folder.
 */
export function staticFiles(folder: string): Map<string, () => Reply> {
  const files = new Map<string, () => Reply>();
  for (const path of list(folder, ''))
    files.set(
      path,
      once(() => read(join(folder, path), path)),
    );
  return files;
}

function list(folder: string, below: string): string[] {
  const found: string[] = [];
  for (const entry of entries(join(folder, below))) {
    const path = `${below}/${entry.name}`;
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) found.push(...list(folder, path));
    else if (entry.isFile() && TYPES[extname(path)] !== undefined) found.push(path);
  }
  return found;
}

function entries(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function read(file: string, path: string): Reply {
  try {
    return {
      type: TYPES[extname(path)] ?? 'application/octet-stream',
      body: readFileSync(file),
      headers: { 'Content-Security-Policy': policyOf(path) },
    };
  } catch {
    throw new HttpError(404, 'the file has gone');
  }
}

function policyOf(path: string): string {
  return path.startsWith('/speedscope/') ? SPEEDSCOPE_POLICY : PAGE_POLICY;
}

function policy(sources: Readonly<Record<string, string>>): string {
  const own = Object.entries(sources).map(([name, value]) => `${name} ${value}`);
  return ["default-src 'none'", ...own, "base-uri 'none'", "form-action 'none'"].join('; ');
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
