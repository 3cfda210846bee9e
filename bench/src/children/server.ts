// A server with one tool attached, in a process of its own.
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerParent, optionsFromParent } from '../parent';
import { loadTool, type StopOptions, type ToolName } from '../tool';

/** What the server child is started with. */
export interface ServerOptions extends Partial<StopOptions> {
  readonly tool: ToolName;
  /** `hello` answers at once, `work` after 3 to 13 ms. */
  readonly handler: 'hello' | 'work';
  /** Whether kept-alive connections stay open as long as any measurement takes; else Node's own 5 s. */
  readonly holdsIdle?: boolean;
}

const handlers: Record<ServerOptions['handler'], RequestListener> = {
  hello: (_request, response) => void response.end('hello'),
  work: (_request, response) =>
    void setTimeout(() => response.end('hello'), 3 + Math.random() * 10),
};

const NODE_KEEP_ALIVE_MS = 5_000;
const LONG_KEEP_ALIVE_MS = 120_000;

async function start(): Promise<void> {
  const options = optionsFromParent<ServerOptions>();
  const keepAliveTimeout = options.holdsIdle ? LONG_KEEP_ALIVE_MS : NODE_KEEP_ALIVE_MS;
  const server = createServer({ keepAliveTimeout }, handlers[options.handler]);
  const tool = await loadTool(options.tool);
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  await tool.attach(server, {
    holdMs: options.holdMs,
    closeIdleAtOnce: options.closeIdleAtOnce ?? false,
  });
  answerParent({
    port: () => (server.address() as AddressInfo).port,
    cpuMicros: () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
    heapBytes,
  });
}

/** What the heap holds when nothing more can be collected. */
async function heapBytes(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    await new Promise(setImmediate);
    global.gc?.();
  }
  return process.memoryUsage().heapUsed;
}

void start();
