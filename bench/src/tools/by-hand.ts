import type { Server } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { Tool } from '../tool';

/** The fastest stop there is: close the listening socket, destroy every connection in a loop, leave. */
export const tool: Tool = {
  attach(server: Server) {
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    process.once('SIGTERM', () => {
      NetServer.prototype.close.call(server, () => process.exit(0));
      for (const socket of sockets) socket.destroy();
    });
  },
};
