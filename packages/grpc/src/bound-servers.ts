import type { Server as NetServer } from 'node:net';
import { type BoundServer, http2ServersOf } from './grpc-internals';
import type { GrpcServer } from './grpc-server';
import { type OwnListeners, ownListenersOf } from './own-listeners';

/** Who is told what accepts connections. */
export interface BoundServersHooks {
  /** An HTTP/2 server has come: the application has bound an address or made an injector. */
  added(bound: BoundServer): void;
  /** Undoes it. */
  removed(bound: BoundServer): void;
  /** Something listens, or has ceased to. */
  listening(listener: NetServer): void;
}

interface Bound {
  /** Whether connections are handed to it by somebody else. */
  readonly isInjector: boolean;
  readonly onClose: () => void;
}

/** Knows what accepts connections for a gRPC server: now, and whatever it will be bound to. */
export class BoundServers {
  readonly #map: Map<BoundServer, unknown>;
  readonly #own: OwnListeners;
  readonly #hooks: BoundServersHooks;
  readonly #bound = new Map<BoundServer, Bound>();
  readonly #undo: () => void;

  constructor(server: GrpcServer, hooks: BoundServersHooks) {
    this.#map = http2ServersOf(server) ?? new Map();
    this.#own = ownListenersOf(server);
    this.#hooks = hooks;
    for (const bound of this.#map.keys()) this.#add(bound);
    this.#undo = whenSet(this.#map, (bound) => this.#add(bound));
    this.#own.onChange = (listener) => hooks.listening(listener);
  }

  /** What accepts connections. */
  get listeners(): NetServer[] {
    return [...this.#bound.keys(), ...this.#own].filter(({ listening }) => listening);
  }

  /** Whether connections can come in: something listens, or the application injects what it accepts itself. */
  get isOpen(): boolean {
    if (this.listeners.length > 0) return true;
    for (const [bound, { isInjector }] of this.#bound) {
      if (isInjector && this.#map.has(bound) && !this.#own.injected.has(bound)) return true;
    }
    return false;
  }

  detach(): void {
    this.#undo();
    this.#own.onChange = undefined;
    for (const bound of [...this.#bound.keys()]) this.#drop(bound);
  }

  #add(bound: BoundServer): void {
    if (this.#bound.has(bound)) return;
    const isInjector = !bound.listening;
    const onClose = (): void => {
      // An injector that is closed says so at once, while its connections go on; others when the last one is gone.
      if (!isInjector) this.#drop(bound);
      this.#hooks.listening(bound);
    };
    bound.on('close', onClose);
    this.#bound.set(bound, { isInjector, onClose });
    this.#hooks.added(bound);
    this.#hooks.listening(bound);
  }

  #drop(bound: BoundServer): void {
    const entry = this.#bound.get(bound);
    if (entry === undefined) return;
    bound.off('close', entry.onClose);
    this.#bound.delete(bound);
    this.#hooks.removed(bound);
  }
}

/** Calls back after each `map.set()`; returns what undoes that. */
function whenSet<Key>(map: Map<Key, unknown>, then: (key: Key) => void): () => void {
  const set = function (this: Map<Key, unknown>, key: Key, value: unknown): Map<Key, unknown> {
    Map.prototype.set.call(this, key, value);
    then(key);
    return this;
  };
  Object.defineProperty(map, 'set', { configurable: true, writable: true, value: set });
  return () => {
    if (map.set === (set as unknown)) Reflect.deleteProperty(map, 'set');
  };
}
