// Two processes behind one port by node:cluster, as its documentation shows it. The primary says the port.
import cluster from 'node:cluster';
import { createServer } from 'node:http';

const WORKERS = 2;

if (cluster.isPrimary) {
  let isSaid = false;
  for (let i = 0; i < WORKERS; i++) cluster.fork();
  let listening = 0;
  cluster.on('listening', (_worker, { port }) => {
    listening += 1;
    if (listening < WORKERS || isSaid) return;
    isSaid = true;
    process.stdout.write(`port ${port}\n`);
  });
  process.on('SIGTERM', () => process.exit(0));
} else {
  createServer((_request, response) => void response.end('hello')).listen(0, '127.0.0.1');
}
