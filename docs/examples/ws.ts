// At the stop every WebSocket gets a close frame 1001 (going away), upon which a client connects anew, elsewhere.
import { createServer } from 'node:http';
import { attachHttp, healthHandler } from '@lastcall/http';
import { WebSocketServer } from 'ws';

const health = healthHandler();
const server = createServer((request, response) => {
  if (!health(request, response)) response.writeHead(426).end();
});

const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('message', (message) => socket.send(`you said ${message}`));
});

attachHttp(server);
server.listen(8080);
