import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Gate, within } from '../../../http/test/harness/deadline';

export interface CallRequest {
  readonly text?: string;
  readonly count?: number;
  readonly size?: number;
}

export interface CallReply {
  readonly text: string;
}

type Callback = (error: grpc.ServiceError | null, reply?: CallReply) => void;

/** The client of `service Calls`, as proto-loader makes it. */
export interface CallsClient extends grpc.Client {
  unary(request: CallRequest, callback: Callback): grpc.ClientUnaryCall;
  unary(request: CallRequest, options: object, callback: Callback): grpc.ClientUnaryCall;
  count(request: CallRequest): grpc.ClientReadableStream<CallReply>;
  feed(request: CallRequest): grpc.ClientReadableStream<CallReply>;
  upload(callback: Callback): grpc.ClientWritableStream<CallRequest>;
  chat(): grpc.ClientDuplexStream<CallRequest, CallReply>;
}

export const PROTO = join(__dirname, '../fixtures/calls.proto');

export const packageDefinition: ReturnType<typeof loadSync> = loadSync(PROTO, { defaults: true });
const loaded = grpc.loadPackageDefinition(packageDefinition) as unknown as {
  test: Record<'Calls' | 'Others', grpc.ServiceClientConstructor>;
};

export const Calls: grpc.ServiceClientConstructor = loaded.test.Calls;
export const Others: grpc.ServiceClientConstructor = loaded.test.Others;

type Unary = grpc.ServerUnaryCall<CallRequest, CallReply>;
type Serving = grpc.ServerWritableStream<CallRequest, CallReply>;
type Receiving = grpc.ServerReadableStream<CallRequest, CallReply>;
type Chatting = grpc.ServerDuplexStream<CallRequest, CallReply>;

/** The handlers of `service Calls`; tells what reaches them. */
export class CallsService {
  readonly gate: Gate = new Gate();
  readonly #events = new EventEmitter();
  /** The names of the methods whose calls were cancelled, as their handlers saw it. */
  readonly cancelled: string[] = [];

  /** Resolves when a call to `method` reaches its handler. */
  got(method: string): Promise<void> {
    return within(
      `a call to ${method}`,
      once(this.#events, method).then(() => {}),
    );
  }

  /** Resolves when the handler of `method` is told that its call is over. */
  sawCancelled(method: string): Promise<void> {
    return within(
      `the cancellation of ${method}`,
      once(this.#events, `${method} cancelled`).then(() => {}),
    );
  }

  addTo(server: grpc.Server): void {
    server.addService(Calls.service, this.#handlers());
  }

  #begin(method: string, call: { on(event: 'cancelled', listener: () => void): unknown }): void {
    call.on('cancelled', () => {
      this.cancelled.push(method);
      this.#events.emit(`${method} cancelled`);
    });
    this.#events.emit(method);
  }

  #handlers(): grpc.UntypedServiceImplementation {
    return {
      unary: async (call: Unary, callback: grpc.sendUnaryData<CallReply>) => {
        this.#begin('unary', call);
        if (call.request.text !== 'now') await this.gate.opened;
        callback(null, reply(call.request));
      },
      count: async (call: Serving) => {
        this.#begin('count', call);
        const { count = 1 } = call.request;
        for (let i = 1; i < count; i++) call.write(reply(call.request));
        await this.gate.opened;
        call.write(reply(call.request));
        call.end();
      },
      feed: (call: Serving) => {
        this.#begin('feed', call);
        const timer = setInterval(() => call.write(reply(call.request)), 5);
        call.on('cancelled', () => clearInterval(timer));
      },
      upload: (call: Receiving, callback: grpc.sendUnaryData<CallReply>) => {
        this.#begin('upload', call);
        let count = 0;
        call.on('data', () => (count += 1));
        call.on('end', () => callback(null, { text: String(count) }));
      },
      chat: (call: Chatting) => {
        this.#begin('chat', call);
        call.on('data', (request: CallRequest) => call.write(reply(request)));
        call.on('end', () => call.end());
      },
    };
  }
}

function reply({ text = '', size = 0 }: CallRequest): CallReply & { padding: Buffer } {
  return { text, padding: Buffer.alloc(size) };
}
