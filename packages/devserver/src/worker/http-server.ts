import { createServer, type RequestListener, type Server } from 'node:http';

const MOST_CONNECTIONS = 32;

/** An HTTP server with limits for whoever comes: few connections, short headers, no idle ones. */
export function createHttpServer(handler: RequestListener): Server {
  const server = createServer(
    {
      maxHeaderSize: 8192,
      headersTimeout: 5000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: 5000,
    },
    handler,
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.maxRequestsPerSocket = 1000;
  return server;
}
