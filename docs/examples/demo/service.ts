// The demo's service, with lastcall.
import { createServer } from 'node:http';
import { attachPg } from '@lastcall/db/pg';
import { attachGrpc } from '@lastcall/grpc';
import { attachHttp, healthHandler } from '@lastcall/http';
import { proc } from '@lastcall/proc';
import { createGrpcShop, openOrders } from './orders';
import { answer, listen, work } from './shop';

const orders = openOrders();
const health = healthHandler();
const server = createServer((request, response) => {
  if (!health(request, response)) void answer(request, response, orders);
});
const grpcServer = createGrpcShop(orders);

attachHttp(server, { name: 'shop' });
attachGrpc(grpcServer, { name: 'shop (gRPC)' });
proc.onShutdown(() => worker, { name: 'worker', stage: 'work' });
attachPg(orders.pool, { name: 'database' });
const worker = work(proc.done);
listen(server, grpcServer);
