import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import type { Orders } from './orders';

/** What the demo's service does, however it stops: quick and slow answers, uploads, and orders. */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  orders: Orders,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://shop');
  if (pathname === '/order') {
    const order = { id: searchParams.get('id') ?? '', takeMs: Number(searchParams.get('takeMs')) };
    await orders.place(order).catch(() => {
      response.statusCode = 503;
    });
    response.end();
    return;
  }
  if (pathname === '/upload') {
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    response.end(`${bytes}\n`);
    return;
  }
  await delay(pathname === '/slow' ? 800 : 5);
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

/** Opens the shop, over HTTP and gRPC, and tells the demo where. */
export function listen(server: Server, grpcServer: GrpcServer): void {
  const credentials = ServerCredentials.createInsecure();
  grpcServer.bindAsync('127.0.0.1:0', credentials, (error, grpcPort) => {
    if (error !== null) throw error;
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      console.log(`listening on ${port} ${grpcPort}`);
    });
  });
}
