import { createServer, type RequestListener, type Server } from 'node:http';
import { ConnectionRoom } from './connection-room';

const MOST_CONNECTIONS = 64;
/** The longest profile sends nothing for a minute. Who does not read for longer has gone. */
const STALLED_MS = 90_000;

/** An HTTP server with limits for whoever comes: few connections, short headers, no idle ones. */
export function createHttpServer(handler: RequestListener): Server {
  const room = new ConnectionRoom(MOST_CONNECTIONS);
  const server = createServer(
    {
      maxHeaderSize: 8192,
      headersTimeout: 5000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: 5000,
    },
    room.guard(handler),
  );
  server.setTimeout(STALLED_MS);
  server.on('connection', (socket) => room.add(socket));
  server.maxRequestsPerSocket = 1000;
  return server;
}
