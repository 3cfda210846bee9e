// A gRPC server, bare or attached, in a process of its own. Messages are bytes: what protobuf costs is not measured here.
import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { attachGrpc } from '@lastcall/grpc';
import { answerParent, optionsFromParent } from '../parent';

/** What the child is started with. */
export interface GrpcServerOptions {
  readonly attached: boolean;
}

/** How many messages a call of `/bench.Bench/Stream` sends. */
export const MESSAGES_PER_STREAM = 100;

const hello = Buffer.from('hello');
const same = (bytes: Buffer): Buffer => bytes;

function makeServer(): Server {
  const server = new Server();
  server.register(
    '/bench.Bench/Unary',
    ((_call: unknown, callback: (error: null, reply: Buffer) => void) =>
      callback(null, hello)) as never,
    same,
    same,
    'unary',
  );
  server.register(
    '/bench.Bench/Stream',
    ((call: ServerWritableStream<Buffer, Buffer>) => {
      for (let i = 0; i < MESSAGES_PER_STREAM; i++) call.write(hello);
      call.end();
    }) as never,
    same,
    same,
    'serverStream',
  );
  return server;
}

function bind(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

/**
 * As in a service that has loaded its own code: what Node has loaded so far is old by the time of the first call. Where it is not, the
 * names of headers that node:http2 keeps are found faster for ever (V8 resolves a name that it meets as a young copy, not as an old
 * one), by 1 µs per call; whether that is so hangs on some kilobytes of garbage at the start, with lastcall or without.
 */
function outgrowYouth(): void {
  for (let i = 0; i < 3; i++) globalThis.gc?.({ type: 'minor' });
}

async function start(): Promise<void> {
  const { attached } = optionsFromParent<GrpcServerOptions>();
  const server = makeServer();
  if (attached) attachGrpc(server, { name: 'bench' });
  const port = await bind(server);
  outgrowYouth();
  answerParent({
    port: () => port,
    cpuMicros: () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
  });
}

void start();
