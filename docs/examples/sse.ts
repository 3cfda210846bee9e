// Server-sent events have no end of their own: drainSignal() says when to end them.
import { createServer, type ServerResponse } from 'node:http';
import { attachHttp, drainSignal, healthHandler } from '@lastcall/http';

const health = healthHandler();
const server = createServer((request, response) => {
  if (!health(request, response)) sendTime(response);
});

function sendTime(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const send = (): boolean => response.write(`data: ${new Date().toISOString()}\n\n`);
  // EventSource connects again by itself, a second later, and finds an instance that serves.
  const end = (): void => void response.end('event: bye\nretry: 1000\ndata:\n\n');
  const stopping = drainSignal(server);
  // A client may still come on a kept-alive connection; 'abort' is not emitted for those who come late.
  if (stopping.aborted) {
    end();
    return;
  }
  const timer = setInterval(send, 1000);
  stopping.addEventListener('abort', end);
  response.on('close', () => {
    clearInterval(timer);
    stopping.removeEventListener('abort', end);
  });
  send();
}

attachHttp(server);
server.listen(8080);
