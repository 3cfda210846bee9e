// A microservice: a pool, a worker and a server that start together and stop in order.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { attachHttp, healthHandler } from '@lastcall/http';
import { bootstrap, type Service } from '@lastcall/service';

const orders: string[] = [];

const database: Service = {
  name: 'database',
  start: () => delay(50), // connect
  stop: () => console.log('database closed'),
};

const packer: Service = {
  name: 'packer',
  start: async ({ ready, signal }) => {
    ready();
    while (!signal.aborted || orders.length > 0) {
      const order = orders.shift();
      await delay(50);
      if (order !== undefined) console.log(`packed ${order}`);
    }
  },
};

const health = healthHandler();
const server = createServer(async (request, response) => {
  if (health(request, response)) return;
  await delay(300);
  orders.push(`order ${request.url}`);
  response.writeHead(202).end('accepted\n');
});

const api: Service = {
  name: 'api',
  start: async () => {
    // It drains before the group stops, so the packer gets the last order, too.
    attachHttp(server, { name: 'api' });
    await once(server.listen(8080), 'listening');
  },
};

const { ready } = bootstrap({ name: 'orders', services: [database, packer, api] });
void ready.then(() => console.log('ready'));
