// One process of a service that `lastcall run` runs in several. Each says the port and its pid when it is ready.
import { createServer } from 'node:http';
import { attachHttp } from '@lastcall/http';
import { proc } from '@lastcall/proc';
import { restart } from '@lastcall/restart';

async function start(): Promise<void> {
  proc.setup({ wrapUpTimeMs: 0, logger: false });
  const server = createServer((_request, response) => void response.end('hello'));
  attachHttp(server);
  const { address } = await restart.listen(server, { name: 'web', port: 0, host: '127.0.0.1' });
  await restart.ready();
  process.stdout.write(`port ${address.split(':').at(-1)}\n`);
}

void start();
