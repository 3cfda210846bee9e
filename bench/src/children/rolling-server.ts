// HTTP servers of several kinds, for restarts by somebody else: by node:cluster when it is started as it is, by pm2 in cluster
// mode. TARGETS says where they listen.
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { join } from 'node:path';
import { answerParent } from '../parent';
import type { RollingTargets } from '../rolling-restarts';

const FIXTURES = join(__dirname, '..', '..', '..', 'packages', 'http', 'test', 'fixtures');

function stream(response: ServerResponse, left: number): void {
  if (left === 0) {
    response.end('end');
    return;
  }
  response.write('x'.repeat(1000));
  setTimeout(stream, 20, response, left - 1);
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/slow') setTimeout(() => response.end('slow'), 150);
  else if (request.url === '/stream') stream(response, 10);
  else response.end(String(process.pid));
}

async function serve(): Promise<void> {
  const { web, tls, unix } = JSON.parse(process.env.TARGETS ?? '') as RollingTargets;
  const pem = (kind: string): Buffer => readFileSync(join(FIXTURES, `localhost.${kind}.pem`));
  const plain = createServer(answer).listen(web, '127.0.0.1');
  const local = createServer(answer).listen(unix);
  const secure = createSecureServer({ key: pem('key'), cert: pem('cert') }, answer);
  secure.listen(tls, '127.0.0.1');
  const servers = [plain, local, secure as Server];
  await Promise.all(servers.map((server) => once(server, 'listening')));
  process.send?.('ready');
  // As pm2's documentation has it.
  process.on('SIGINT', async () => {
    await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
    process.exit(0);
  });
}

async function fork(): Promise<Worker> {
  const worker = cluster.fork();
  await once(worker, 'message');
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
else void serve();
