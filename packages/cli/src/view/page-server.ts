import { randomBytes } from 'node:crypto';
import { createReadStream, readdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname, extname, join } from 'node:path';

/** Something to look at in a browser. */
export type WebView =
  | { readonly kind: 'page'; readonly html: string }
  /** Shown by speedscope. */
  | { readonly kind: 'profile'; readonly path: string; readonly json: string };

/** A server that shows one thing. */
export interface PageServer {
  readonly url: string;
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
};

/**
 * Serves `view` on a loopback port, below a path that nobody can guess: a profile names functions and files, and other users
 * of the machine reach the port too. Everything comes from this machine.
 */
export async function servePage(view: WebView, port: number): Promise<PageServer> {
  const token = randomBytes(16).toString('hex');
  const server = createServer((request, response) => answer(request, response, token, view));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/${token}/${startOf(view)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function startOf(view: WebView): string {
  if (view.kind === 'page') return '';
  const name = encodeURIComponent(basename(view.path));
  return `speedscope/index.html#profileURL=${encodeURIComponent(`../profile/${name}`)}&title=${name}`;
}

function answer(
  { url = '/', headers }: IncomingMessage,
  response: ServerResponse,
  token: string,
  view: WebView,
): void {
  const [, given, ...rest] = new URL(url, 'http://127.0.0.1').pathname.split('/');
  const isOurs = given === token && /^127\.0\.0\.1(:\d+)?$/.test(headers.host ?? '');
  const [room = '', name = ''] = rest;
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  if (!isOurs) respond(response, 404, 'text/plain', 'not found\n');
  else if (view.kind === 'page' && room === '') respond(response, 200, TYPES['.html'], view.html);
  else if (view.kind === 'profile' && room === 'profile')
    respond(response, 200, TYPES['.json'], view.json);
  else if (view.kind === 'profile' && room === 'speedscope' && assetNames().has(name))
    sendAsset(response, name);
  else respond(response, 404, 'text/plain', 'not found\n');
}

function respond(
  response: ServerResponse,
  status: number,
  type: string | undefined,
  body: string,
): void {
  response.writeHead(status, { 'Content-Type': type }).end(body);
}

function sendAsset(response: ServerResponse, name: string): void {
  response.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream' });
  createReadStream(join(speedscopeFolder(), name))
    .once('error', () => response.destroy())
    .pipe(response);
}

let assets: ReadonlySet<string> | undefined;

/** The files of speedscope, as npm installed it; nothing else is ever sent. */
function assetNames(): ReadonlySet<string> {
  assets ??= new Set(readdirSync(speedscopeFolder()));
  return assets;
}

function speedscopeFolder(): string {
  return join(dirname(require.resolve('speedscope/package.json')), 'dist', 'release');
}
