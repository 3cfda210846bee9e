import type { Server as NetServer } from 'node:net';
import type { BoundServer } from './grpc-internals';
import type { GrpcServer } from './grpc-server';

/** The listening sockets that `serve()` has put before a gRPC server. */
export class OwnListeners {
  readonly #listeners = new Set<NetServer>();
  /** What their connections are injected into: not open by itself. */
  readonly injected: Set<BoundServer> = new Set();
  /** Set by a drain: told of each listener that comes, listens or closes. */
  onChange: ((listener: NetServer) => void) | undefined;

  [Symbol.iterator](): Iterator<NetServer> {
    return this.#listeners.values();
  }

  /** Adds `listener`. It may close and listen again, so it stays. */
  add(listener: NetServer): void {
    this.#listeners.add(listener);
    const tell = (): void => this.onChange?.(listener);
    listener.on('listening', tell);
    listener.on('close', tell);
    tell();
  }
}

const registry = new WeakMap<GrpcServer, OwnListeners>();

/** The listeners of `server` by `serve()`. */
export function ownListenersOf(server: GrpcServer): OwnListeners {
  const existing = registry.get(server);
  if (existing !== undefined) return existing;
  const listeners = new OwnListeners();
  registry.set(server, listeners);
  return listeners;
}
