import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** What the demo's service does, however it stops: quick and slow answers, and uploads. */
export async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/upload') {
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    response.end(`${bytes}\n`);
    return;
  }
  await delay(request.url === '/slow' ? 800 : 5);
  response.end('hello\n');
}

/** The background worker: one job after the other, until `signal` aborts. */
export async function work(signal?: AbortSignal): Promise<void> {
  for (let id = 1; !signal?.aborted; id += 1) {
    console.log(`job ${id} begins`);
    await delay(400);
    console.log(`job ${id} done`);
  }
}

/** Tells the demo where the service listens. */
export function sayPort(address: unknown): void {
  console.log(`listening on ${(address as { port: number }).port}`);
}
