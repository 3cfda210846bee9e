// The same service as it is usually stopped: `close` (server.close(), then exit) or `exit` (process.exit()).
import { createServer } from 'node:http';
import { answer, sayPort, work } from './shop';

const server = createServer((request, response) => {
  if (request.url === '/readyz') response.end('OK');
  else void answer(request, response);
});

process.on('SIGTERM', () => {
  if (process.argv[2] === 'exit') process.exit(0);
  server.close(() => process.exit(0));
});
void work();
server.listen(0, '127.0.0.1', () => sayPort(server.address()));
