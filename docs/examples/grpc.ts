// A gRPC service: a call that is in flight at the stop is answered, the endless stream says goodbye, and health checks
// fail at once.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { attachGrpc, callSignal, drainSignal, serve } from '@lastcall/grpc';
import { HealthImplementation } from 'grpc-health-check';

type Request = { readonly id: string };
type Order = { readonly id: string; readonly state: string };

const definition = loadSync(join(__dirname, 'orders.proto'), { defaults: true });
const server = new grpc.Server();
const stopping = drainSignal(server);

server.addService(definition['shop.Orders'] as grpc.ServiceDefinition, {
  async get(call: grpc.ServerUnaryCall<Request, Order>, callback: grpc.sendUnaryData<Order>) {
    console.log(`order ${call.request.id} is asked for`);
    try {
      // Nobody waits for it any longer: the client has cancelled, or its deadline has passed.
      await delay(500, undefined, { signal: callSignal(call) });
      callback(null, { id: call.request.id, state: 'packed' });
    } catch {
      callback({ code: grpc.status.CANCELLED });
    }
  },
  follow(call: grpc.ServerWritableStream<Request, Order>) {
    const tell = (state: string) => call.write({ id: call.request.id, state });
    const timer = setInterval(() => tell('packing'), 50);
    const sayGoodbye = () => {
      clearInterval(timer);
      tell('follow me elsewhere');
      call.end();
    };
    stopping.addEventListener('abort', sayGoodbye);
    call.on('cancelled', () => {
      clearInterval(timer);
      stopping.removeEventListener('abort', sayGoodbye);
    });
  },
});

const health = new HealthImplementation({ '': 'SERVING', 'shop.Orders': 'SERVING' });
health.addToServer(server);

attachGrpc(server, { name: 'orders', health });
serve(server, { credentials: grpc.ServerCredentials.createInsecure(), port: 50051 });
