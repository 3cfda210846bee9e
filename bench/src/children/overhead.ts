// Drives the events of a server without a network, to see what a tool adds to each of them.
import { EventEmitter, once } from 'node:events';
import {
  createServer,
  get,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import { median } from '../median';
import { answerParent, optionsFromParent } from '../parent';
import { loadTool, type ToolName } from '../tool';

/** What the child is started with. */
export interface OverheadOptions {
  readonly tool: ToolName;
}

/** What a tool leaves on the way of a request. */
export interface Hooks {
  /** Listeners of the server's 'request' event, the app's own included. */
  readonly onServer: number;
  /** Listeners of the request's and the response's events while the app's handler runs and just after. */
  readonly onMessages: number;
  /** Whether the app's handler is still the function that the server calls. */
  readonly keepsHandler: boolean;
  /** Methods of the server, the request or the response that are not Node's own any more. */
  readonly patched: string[];
}

const BATCH = 1000;
const BATCHES = 600;
const WARM_UP_BATCHES = 150;

const handler = (): void => {};

async function attachedServer(
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const tool = await loadTool(optionsFromParent<OverheadOptions>().tool);
  await tool.attach(server, { holdMs: undefined, closeIdleAtOnce: false });
  return server;
}

/** Node's own listener of 'connection' makes a parser for what it takes to be a socket. Tools may come before it. */
const nodesListener = createServer().listeners('connection')[0] as () => void;

function dropNodesListener(server: Server): void {
  if (!server.listeners('connection').includes(nodesListener)) throw new Error('not found');
  server.removeListener('connection', nodesListener);
}

/** Nanoseconds that one operation of `batch` takes: the median of many batches, what it leaves for later included. */
async function nanosecondsEach(batch: () => void): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < WARM_UP_BATCHES + BATCHES; i++) {
    const startedAt = process.hrtime.bigint();
    batch();
    await null; // promises that the operations made are settled before this goes on
    if (i >= WARM_UP_BATCHES) times.push(Number(process.hrtime.bigint() - startedAt));
    if (i % 10 === 0) await new Promise(setImmediate);
  }
  return median(times) / BATCH;
}

/** A response as the server's listeners see it: Node itself listens to 'finish' before anybody else. */
class FakeResponse extends EventEmitter {
  headersSent = false;
}

function emitRequest(server: Server, socket: EventEmitter): void {
  const request = { socket, url: '/', method: 'GET', headers: {} };
  const response = new FakeResponse();
  response.on('finish', handler);
  server.emit('request', request, response);
  response.emit('finish');
}

async function perRequest(): Promise<number> {
  const server = await attachedServer(handler);
  const socket = Object.assign(new EventEmitter(), { server, destroy: handler });
  dropNodesListener(server);
  server.emit('connection', socket);
  return await nanosecondsEach(() => {
    for (let i = 0; i < BATCH; i++) emitRequest(server, socket);
  });
}

/** Opens a batch of connections, then closes it; Node's own work for a connection is left out. */
async function perConnection(): Promise<number> {
  const server = await attachedServer(handler);
  dropNodesListener(server);
  return await nanosecondsEach(() => {
    const sockets: EventEmitter[] = [];
    for (let i = 0; i < BATCH; i++) {
      const socket = new EventEmitter();
      socket.on('close', handler);
      server.emit('connection', socket);
      sockets.push(socket);
    }
    for (const socket of sockets) socket.emit('close');
  });
}

/** A connection without a network. */
class MemoryConnection extends Duplex {
  #answers = 0;
  #onAnswers: { count: number; resolve: () => void } | undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (chunk.includes('HTTP/1.1 200')) this.#answers += 1;
    if (this.#onAnswers !== undefined && this.#answers >= this.#onAnswers.count)
      this.#onAnswers.resolve();
    done();
  }

  /** One request after the other, each sent when the one before is answered. */
  async exchange(request: Buffer): Promise<void> {
    const answered = new Promise<void>((resolve) => {
      this.#onAnswers = { count: this.#answers + 1, resolve };
    });
    this.push(request);
    await answered;
  }
}

/** Nanoseconds of a whole request: parser, objects, handler, response; all but the network. */
async function wholeRequest(): Promise<number> {
  const server = await attachedServer((_request, response) => void response.end('hello'));
  const connection = new MemoryConnection();
  server.emit('connection', connection);
  const request = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  for (let i = 0; i < 10_000; i++) await connection.exchange(request);
  const startedAt = process.hrtime.bigint();
  for (let i = 0; i < 30_000; i++) await connection.exchange(request);
  return Number(process.hrtime.bigint() - startedAt) / 30_000;
}

/** One real request: what is on its way? */
async function hooks(): Promise<Hooks> {
  let seen: { request: IncomingMessage; response: ServerResponse } | undefined;
  let onMessages = 0;
  const own = (request: IncomingMessage, response: ServerResponse): void => {
    seen = { request, response };
    setImmediate(() => {
      onMessages = countListeners(request) + countListeners(response);
      response.end();
    });
  };
  const server = await attachedServer(own);
  const [response] = await once(
    get({ port: (server.address() as AddressInfo).port, agent: false }),
    'response',
  );
  response.resume();
  if (seen === undefined) throw new Error('the request did not arrive');
  return {
    onServer: server.listenerCount('request'),
    onMessages,
    keepsHandler: server.listeners('request').includes(own),
    patched: [
      ...ownMethods('server', server),
      ...ownMethods('request', seen.request),
      ...ownMethods('response', seen.response),
    ],
  };
}

function countListeners(emitter: EventEmitter): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);
}

/** Own properties that hide a method of the prototype. */
function ownMethods(name: string, object: object): string[] {
  const prototype = Object.getPrototypeOf(object) as Record<string, unknown>;
  return Object.entries(object)
    .filter(([key, value]) => typeof value === 'function' && typeof prototype[key] === 'function')
    .map(([key]) => `${name}.${key}()`);
}

answerParent({ perRequest, perConnection, wholeRequest, hooks });
process.channel?.ref();
