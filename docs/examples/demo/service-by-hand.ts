// The same service as it is usually stopped: `close` (every part's own close, then exit) or `exit` (process.exit()).
import { createServer } from 'node:http';
import { createGrpcShop, openOrders } from './orders';
import { answer, listen, work } from './shop';

const orders = openOrders();
const server = createServer((request, response) => {
  if (request.url === '/readyz') response.end('OK');
  else void answer(request, response, orders);
});
const grpcServer = createGrpcShop(orders);

process.on('SIGTERM', () => {
  if (process.argv[2] === 'exit') process.exit(0);
  const closed = [
    new Promise<unknown>((resolve) => server.close(resolve)),
    new Promise<unknown>((resolve) => grpcServer.tryShutdown(resolve)),
    orders.pool.end(),
  ];
  void Promise.all(closed).then(() => process.exit(0));
});
void work();
listen(server, grpcServer);
