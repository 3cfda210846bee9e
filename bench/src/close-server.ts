import type { Server } from 'node:http';

/** What most services do by hand: close the server, then leave. Node closes the idle connections, and waits for the rest. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
  });
}
