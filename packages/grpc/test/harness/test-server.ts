import { readFileSync } from 'node:fs';
import * as http2 from 'node:http2';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { within } from '../../../http/test/harness/deadline';
import { createGrpcDrain, type GrpcDrain } from '../../src/grpc-drain';
import type { GrpcDrainOptions } from '../../src/grpc-drain-options';
import { serve } from '../../src/serve';
import type { DrainResult } from '../../src/stop';
import { Calls, type CallsClient, CallsService } from './calls-service';

/** How connections come to the server. */
export type Way = 'bindAsync()' | 'bindAsync() with TLS' | 'serve()' | 'serve() with TLS';

export const WAYS: readonly Way[] = [
  'bindAsync()',
  'bindAsync() with TLS',
  'serve()',
  'serve() with TLS',
];

const fixtures = join(__dirname, '../fixtures');
const cert = readFileSync(join(fixtures, 'localhost.cert.pem'));
const key = readFileSync(join(fixtures, 'localhost.key.pem'));

const servers = new Set<TestServer>();

/** Destroys what the tests have left. */
export async function disposeServers(): Promise<void> {
  for (const server of servers) await server.dispose();
  servers.clear();
}

export interface StartOptions extends GrpcDrainOptions {
  readonly way?: Way;
  /** Whether clients need a certificate: with TLS. */
  readonly isMutual?: boolean;
  /** For the names of tests. */
  readonly channelz?: string;
  readonly server?: grpc.ServerOptions;
  /** Called before the server is bound. */
  readonly prepare?: (server: grpc.Server) => void;
}

/** A server of `service Calls` with a drain, on 127.0.0.1. */
export class TestServer {
  readonly server: grpc.Server;
  readonly drain: GrpcDrain;
  readonly service: CallsService = new CallsService();
  readonly isTls: boolean;
  port = 0;
  readonly #hammer = new AbortController();
  readonly #leftovers: (() => void)[] = [];

  private constructor({
    way,
    isMutual: _,
    channelz: __,
    server,
    prepare,
    ...options
  }: StartOptions) {
    this.isTls = way?.endsWith('TLS') ?? false;
    this.server = new grpc.Server(server);
    this.service.addTo(this.server);
    prepare?.(this.server);
    this.drain = createGrpcDrain(this.server, options);
    servers.add(this);
  }

  static async start(options: StartOptions = {}): Promise<TestServer> {
    const test = new TestServer(options);
    const credentials = test.isTls
      ? tlsCredentials(options.isMutual)
      : grpc.ServerCredentials.createInsecure();
    test.port = options.way?.startsWith('serve')
      ? ((await serve(test.server, { credentials, port: 0, host: '127.0.0.1' })).port ?? 0)
      : await bind(test.server, credentials);
    return test;
  }

  client(options: grpc.ClientOptions = {}): CallsClient {
    const client = createClient(this.port, this.isTls, options);
    this.#leftovers.push(() => client.close());
    return client;
  }

  /** A TCP connection that is spoken to in bytes. */
  async tcp(): Promise<Socket> {
    const socket = connect({ port: this.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    this.#leftovers.push(() => socket.destroy());
    await within('a TCP connection', new Promise((done) => socket.once('connect', done)));
    return socket;
  }

  /** An HTTP/2 session on `socket`: a client without the cleverness of grpc-js. */
  session(socket: Socket): http2.ClientHttp2Session {
    const transport = this.isTls
      ? connectTls({ socket, ALPNProtocols: ['h2'], rejectUnauthorized: false })
      : socket;
    const scheme = this.isTls ? 'https' : 'http';
    const session = http2.connect(`${scheme}://localhost`, { createConnection: () => transport });
    session.on('error', () => {});
    this.#leftovers.push(() => session.destroy());
    return session;
  }

  beginStop(deadline?: number): Promise<DrainResult> {
    return this.drain.stop({ signal: this.#hammer.signal, deadline });
  }

  stop(): Promise<DrainResult> {
    return within('the end of the stop', this.beginStop());
  }

  hammer(): void {
    this.#hammer.abort();
  }

  /** Resolves when `condition` holds of how many connections and calls there are. */
  async settled(
    condition: (counts: { connections: number; calls: number }) => boolean,
  ): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!condition(this.drain.counts())) await new Promise((done) => setTimeout(done, 5));
    };
    await within(`${condition}, have ${JSON.stringify(this.drain.counts())}`, wait());
  }

  /** Resolves when nothing accepts connections any longer. */
  async closed(): Promise<void> {
    const wait = async (): Promise<void> => {
      while (this.drain.isListening) await new Promise((done) => setTimeout(done, 5));
    };
    await within('the listening socket to close', wait());
  }

  async dispose(): Promise<void> {
    for (const leave of this.#leftovers) leave();
    this.service.gate.open();
    this.hammer();
    await this.stop();
    this.drain.detach();
    this.server.forceShutdown();
  }
}

export function createClient(
  port: number,
  isTls = false,
  options: grpc.ClientOptions = {},
  credentials: grpc.ChannelCredentials = isTls
    ? grpc.credentials.createSsl(cert)
    : grpc.credentials.createInsecure(),
): CallsClient {
  return new Calls(`localhost:${port}`, credentials, {
    // One connection per client: grpc-js shares them otherwise.
    'grpc.use_local_subchannel_pool': 1,
    ...options,
  }) as unknown as CallsClient;
}

/** @param isMutual - Whether clients need {@link certifiedCredentials}. */
export function tlsCredentials(isMutual = false): grpc.ServerCredentials {
  const pairs = [{ private_key: key, cert_chain: cert }];
  return grpc.ServerCredentials.createSsl(isMutual ? cert : null, pairs, isMutual);
}

/** Of a client with a certificate. */
export function certifiedCredentials(): grpc.ChannelCredentials {
  return grpc.credentials.createSsl(cert, key, cert);
}

export function bind(server: grpc.Server, credentials: grpc.ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

/** How a call ended, as its client saw it. */
export interface CallEnd {
  /** 0 is OK. */
  readonly code: number;
  readonly details: string;
  /** How many messages the client got. */
  readonly messages: number;
}

/** Makes a unary call. */
export function unary(client: CallsClient, text = '', options: object = {}): Promise<CallEnd> {
  const end = new Promise<CallEnd>((resolve) => {
    client.unary({ text }, options, (error, reply) => {
      const messages = reply === undefined ? 0 : 1;
      resolve({ code: error?.code ?? 0, details: error?.details ?? '', messages });
    });
  });
  return within('the end of a unary call', end);
}

/** Reads a stream to its end. */
export function ended(stream: grpc.ClientReadableStream<unknown>): Promise<CallEnd> {
  let messages = 0;
  stream.on('data', () => (messages += 1));
  stream.on('error', () => {});
  const end = new Promise<CallEnd>((resolve) => {
    stream.on('status', ({ code, details }) => resolve({ code, details, messages }));
  });
  return within('the end of a stream', end);
}

/** Resolves when a message arrives. */
export function message(stream: grpc.ClientReadableStream<unknown>): Promise<void> {
  return within('a message', new Promise((done) => stream.once('data', () => done())));
}

/** A message whose text is `now`. */
const NOW = Buffer.from([0, 0, 0, 0, 5, 10, 3, ...Buffer.from('now')]);

const GRPC = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };

/** Makes a call to `method` on `session` that the client does not end; resolves with its stream. */
export function open(session: http2.ClientHttp2Session, method: string): http2.ClientHttp2Stream {
  const stream = session.request(
    { ...GRPC, ':path': `/test.Calls/${method}` },
    { endStream: false },
  );
  stream.on('error', () => {});
  return stream;
}

/** Makes a unary call on `session`; resolves with its status. */
export function unaryOver(session: http2.ClientHttp2Session): Promise<string> {
  const stream = open(session, 'Unary');
  const status = new Promise<string>((resolve) => {
    stream.once('trailers', (trailers) => resolve(String(trailers['grpc-status'])));
    stream.once('close', () => resolve(`closed with ${stream.rstCode}`));
  });
  stream.resume();
  stream.end(NOW);
  return within('the status of a call', status);
}
