import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, posix } from 'node:path';
import type { SampleStatus } from './sample-status';

/** How the fake answers one path. */
export interface FakeAnswer {
  readonly status?: number;
  readonly body: string;
  /** The answer waits for it. */
  readonly after?: Promise<void>;
}

/** A devserver without a process behind it: it says what it is told to say. */
export interface FakeDevserver {
  readonly url: string;
  /** Path and query of each request, in order. */
  readonly requests: string[];
  /** Paths whose request the browser has given up. */
  readonly cancelled: string[];
  /** Sends a status to every stream, now and each second. */
  say(status: SampleStatus): void;
  answer(path: string, answer: FakeAnswer): void;
  /** Asks for this token from now on. */
  lock(token: string): void;
  /** Ends the streams, and refuses connections. */
  stop(): Promise<void>;
  /** Listens again, at the same address. */
  start(): Promise<void>;
}

const TREE = join(__dirname, '..', '..', 'dashboard', 'dist');
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** The policies that the page and speedscope are known to work under. */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
export const SPEEDSCOPE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data:; font-src 'self'; connect-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

const REPEAT_MS = 1000;

/** Serves the built dashboard on a port of its own. */
export async function startFakeDevserver(first: SampleStatus): Promise<FakeDevserver> {
  const files = new Map(listFiles('').map((path) => [`/${path}`, readFileSync(join(TREE, path))]));
  const answers = new Map<string, FakeAnswer>();
  const streams = new Set<ServerResponse>();
  const requests: string[] = [];
  const cancelled: string[] = [];
  let status = first;
  let token: string | null = null;
  let port = 0;

  const server = createServer(async (request, response) => {
    const url = request.url ?? '';
    const [path = ''] = url.split('?');
    requests.push(url);
    const file = files.get(path === '/' ? '/index.html' : path);
    if (file !== undefined) return sendFile(response, path, file);
    if (token !== null && request.headers.authorization !== `Bearer ${token}`)
      return void response.writeHead(401).end('a token is needed');
    if (path === '/debug/stream') return openStream(response);
    const answer = answers.get(path);
    if (answer === undefined) return void response.writeHead(404).end('no such page');
    response.on('close', () => {
      if (!response.writableFinished) cancelled.push(url);
    });
    await answer.after;
    response.writeHead(answer.status ?? 200).end(answer.body);
  });

  function openStream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    streams.add(response.on('close', () => streams.delete(response)));
    send(response);
  }

  function send(response: ServerResponse): void {
    response.write(`event: status\ndata: ${JSON.stringify(status)}\n\n`);
  }

  function sendAll(): void {
    for (const stream of streams) send(stream);
  }

  const repeat = setInterval(sendAll, REPEAT_MS).unref();

  async function start(): Promise<void> {
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  }

  async function stop(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  await start();
  return {
    url: `http://127.0.0.1:${port}/`,
    requests,
    cancelled,
    say: (next) => {
      status = next;
      repeat.refresh();
      sendAll();
    },
    answer: (path, answer) => answers.set(path, answer),
    lock: (asked) => {
      token = asked;
    },
    start,
    stop,
  };
}

function sendFile(response: ServerResponse, path: string, file: Buffer): void {
  const isSpeedscope = path.startsWith('/speedscope/');
  response.writeHead(200, {
    'content-type': TYPES[extname(path) || '.html'] ?? 'text/plain; charset=utf-8',
    'content-security-policy': isSpeedscope ? SPEEDSCOPE_POLICY : PAGE_POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  });
  response.end(file);
}

/** As the devserver does: what is in the tree when it starts, without files and folders that begin with a dot. */
function listFiles(folder: string): string[] {
  return readdirSync(join(TREE, folder), { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name);
      return entry.isDirectory() ? listFiles(path) : [path];
    });
}
