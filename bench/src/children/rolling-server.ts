// A plain HTTP server, for restarts by somebody else: by node:cluster when it is started as it is, by pm2 in cluster mode.
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { answerParent } from '../parent';

function stream(response: ServerResponse, left: number): void {
  if (left === 0) {
    response.end('end');
    return;
  }
  response.write('x'.repeat(1000));
  setTimeout(stream, 20, response, left - 1);
}

function serve(): void {
  const server = createServer((request, response) => {
    if (request.url === '/slow') setTimeout(() => response.end('slow'), 150);
    else if (request.url === '/stream') stream(response, 10);
    else response.end(String(process.pid));
  });
  server.listen(Number(process.env.PORT), '127.0.0.1', () => process.send?.('ready'));
  // As pm2's documentation has it.
  process.on('SIGINT', () => server.close(() => process.exit(0)));
}

async function fork(): Promise<Worker> {
  const worker = cluster.fork();
  await once(worker, 'listening');
  return worker;
}

/** As the documentation of node:cluster has it: the new one listens, then the old one disconnects. */
function rollWorkers(): void {
  let current: Worker | undefined;
  // Between two questions there may be nothing else to live for.
  setInterval(() => {}, 1000);
  answerParent({
    start: async () => {
      current = await fork();
    },
    reload: async () => {
      const old = current;
      current = await fork();
      old?.disconnect();
    },
  });
}

// pm2 runs the script in a cluster worker of its own.
if (cluster.isPrimary) rollWorkers();
else serve();
