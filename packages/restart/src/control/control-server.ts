import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { LastcallError, toError } from '@lastcall/proc';
import { longestPath, saysNobody } from '../sockets/unix-path';
import { makePrivateDirectory } from './private-directory';
import type { ControlReply, ControlRequest, ServingWorker } from './protocol';

/** What answers a request. Rejects with what went wrong; `signal` aborts when whoever asked has gone. */
export type ControlHandler = (
  request: ControlRequest,
  progress: (text: string) => void,
  signal: AbortSignal,
) => Promise<unknown>;

/** A control socket that is served. */
export interface ControlServer {
  readonly path: string;
  /** Stops serving and removes the socket. Answers under way are written first. Idempotent. */
  close(): Promise<void>;
}

/** A request is a short line. */
const MAX_REQUEST = 64 * 1024;
/** Each takes a descriptor of the service. Whoever looks after it needs a few. */
const MAX_CONNECTIONS = 64;
/** So many requests of one connection are under way at once, and the next ones wait: each takes time of the service. */
const MAX_UNDER_WAY = 4;
/** How long a connection may ask nothing, in milliseconds. */
const IDLE_MS = 10_000;
/** Whoever asks without reading the answers is cut off here. */
const MAX_UNREAD = 16 * 1024 * 1024;

/**
 * Serves a control socket that only its user may use: in a directory that nobody else can enter, with mode 0600.
 *
 * @throws LastcallError (as a rejection) `LASTCALL_CONTROL_NOT_STARTED`
 */
export async function serveControl(path: string, handle: ControlHandler): Promise<ControlServer> {
  assertRoom(path);
  const connections = new Set<Connection>();
  const server = createServer((socket) => {
    const connection = new Connection(socket, handle);
    if (connections.size >= MAX_CONNECTIONS) connection.refuse();
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
  });
  try {
    makePrivateDirectory(dirname(path));
    await makeWay(path);
    await listening(server, path);
    chmodSync(path, 0o600);
  } catch (thrown) {
    server.close();
    if (thrown instanceof LastcallError) throw thrown;
    const cause = toError(thrown);
    const message = `the control socket ${path} cannot be served: ${cause.message}`;
    throw new LastcallError('LASTCALL_CONTROL_NOT_STARTED', message, { cause });
  }
  let closed: Promise<void> | undefined;
  return {
    path,
    close: () => {
      // Closing removes the path.
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        for (const connection of connections) connection.end();
      });
      return closed;
    },
  };
}

/** Cut off, as libuv may do, the path would be another one, and perhaps in another directory. */
function assertRoom(path: string): void {
  const max = longestPath(process.platform);
  if (process.platform === 'win32' || Buffer.byteLength(path) <= max) return;
  const message = `the path of the control socket is too long for one, at most ${max} bytes: ${path}; set LASTCALL_CONTROL_DIR to a shorter directory`;
  throw new LastcallError('LASTCALL_CONTROL_NOT_STARTED', message);
}

/** One who asks. */
class Connection {
  readonly #socket: Socket;
  readonly #handle: ControlHandler;
  readonly #gone = new AbortController();
  #idle: NodeJS.Timeout | undefined;
  #text = '';
  /** Requests that have been read, and are not under way. */
  #waiting: string[] = [];
  #isOpen = true;
  #underWay = 0;

  constructor(socket: Socket, handle: ControlHandler) {
    this.#socket = socket;
    this.#handle = handle;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => this.#read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#close());
    this.#waitForRequest();
  }

  /** There are too many. */
  refuse(): void {
    const message = `the control socket has ${MAX_CONNECTIONS} connections already: end those that ask nothing`;
    this.#send({ id: 0, type: 'error', code: 'LASTCALL_CONTROL_BUSY', message });
    this.end();
  }

  /** Takes no more requests. Answers under way are written first, if they come soon. */
  end(): void {
    this.#isOpen = false;
    if (this.#underWay === 0) this.#socket.end();
    setTimeout(() => this.#socket.destroy(), LAST_WORDS_MS).unref();
  }

  #waitForRequest(): void {
    if (this.#socket.destroyed || this.#underWay > 0) return;
    this.#idle = setTimeout(() => this.#socket.destroy(), IDLE_MS).unref();
  }

  #cutOff(): void {
    this.#isOpen = false;
    this.#socket.destroy();
  }

  #close(): void {
    this.#isOpen = false;
    clearTimeout(this.#idle);
    this.#gone.abort();
  }

  #read(chunk: string): void {
    if (!this.#isOpen) return;
    const lines = (this.#text + chunk).split('\n');
    this.#text = lines.pop() ?? '';
    if (this.#text.length > MAX_REQUEST) this.#cutOff();
    this.#waiting.push(...lines);
    this.#next();
  }

  #next(): void {
    while (this.#isOpen && this.#underWay < MAX_UNDER_WAY && this.#waiting.length > 0)
      void this.#answer(this.#waiting.shift() as string);
    if (this.#waiting.length > 0) this.#socket.pause();
    else this.#socket.resume();
  }

  async #answer(line: string): Promise<void> {
    const request = parse(line);
    if (request === null || this.#socket.writableLength > MAX_UNREAD) {
      this.#cutOff();
      return;
    }
    const { id } = request;
    this.#underWay += 1;
    clearTimeout(this.#idle);
    const progress = (text: string): void => this.#send({ id, type: 'progress', text });
    try {
      const value = await this.#handle(request, progress, this.#gone.signal);
      this.#send({ id, type: 'result', value });
    } catch (thrown) {
      const error = toError(thrown) as Error & {
        readonly code?: unknown;
        readonly serving?: readonly ServingWorker[];
      };
      const code = typeof error.code === 'string' ? error.code : null;
      const { message, serving } = error;
      this.#send({ id, type: 'error', code, message, serving });
    }
    this.#underWay -= 1;
    this.#next();
    if (!this.#isOpen && this.#underWay === 0) this.#socket.end();
    else this.#waitForRequest();
  }

  #send(reply: ControlReply): void {
    if (!this.#socket.destroyed && this.#socket.writable)
      this.#socket.write(`${JSON.stringify(reply)}\n`);
  }
}

/** How long the last answers may take, and whoever asks to read them, in milliseconds. */
const LAST_WORDS_MS = 200;

function parse(line: string): ControlRequest | null {
  try {
    const value = JSON.parse(line) as ControlRequest | null;
    return typeof value?.id === 'number' && typeof value.command === 'string' ? value : null;
  } catch {
    return null;
  }
}

/** Removes a socket that a process of the same pid has left behind. Rejects where somebody serves it, or it is no socket. */
async function makeWay(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket() || (await isServed(path)))
    throw new LastcallError('LASTCALL_CONTROL_NOT_STARTED', `${path} is in use`);
  unlinkSync(path);
}

/** Whether somebody serves the socket. */
export function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const answer = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', (error) => answer(!saysNobody(error)));
    socket.setTimeout(1000, () => answer(true));
  });
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
