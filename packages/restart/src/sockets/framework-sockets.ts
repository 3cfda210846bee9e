import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ListenOptions as NodeListenOptions, Server } from 'node:net';

/** What a framework was given for its own `listen()`. */
export type FrameworkOptions = NodeListenOptions & { readonly fd?: number };

/** Node tells of every server that begins to listen, with the options it was given. */
const CHANNEL = 'tracing:net.server.listen:asyncStart';

interface ListenMessage {
  readonly server: Server;
  readonly options: FrameworkOptions | null;
}

interface Expected {
  readonly name: string;
  readonly options: FrameworkOptions;
  readonly found: (server: Server) => void;
}

/** Finds the server that a framework made listen with options of ours. */
export class FrameworkSockets {
  readonly #expected = new Set<Expected>();

  /** Calls `found` with the server that listens with `options`, or with a copy of them. */
  expect(name: string, options: FrameworkOptions, found: (server: Server) => void): void {
    if (this.#expected.size === 0) subscribe(CHANNEL, this.#onListen);
    this.#expected.add({ name, options, found });
  }

  readonly #onListen = (message: unknown): void => {
    const { server, options } = message as ListenMessage;
    const expected = this.#find(options);
    if (expected === undefined) return;
    this.#expected.delete(expected);
    if (this.#expected.size === 0) unsubscribe(CHANNEL, this.#onListen);
    expected.found(server);
  };

  #find(options: FrameworkOptions | null): Expected | undefined {
    if (options === null) return undefined;
    const all = [...this.#expected];
    const same = all.find((expected) => expected.options === options);
    return same ?? all.find((expected) => isCopy(options, expected.options));
  }
}

function isCopy(options: FrameworkOptions, original: FrameworkOptions): boolean {
  if (original.fd !== undefined) return options.fd === original.fd;
  if (options.fd !== undefined) return false;
  if (original.path !== undefined) return options.path === original.path;
  const isSameHost = original.host === undefined || options.host === original.host;
  return options.path === undefined && Number(options.port) === original.port && isSameHost;
}
