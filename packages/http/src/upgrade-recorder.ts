import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Connection, Upgrade } from './connection';
import type { ConnectionTracker } from './connection-tracker';
import type { HttpServer } from './http-server';

/** The events by which a connection leaves HTTP/1. */
export const UPGRADE_EVENTS = ['upgrade', 'connect'] as const;
type UpgradeEvent = (typeof UPGRADE_EVENTS)[number];

/**
 * Notes what each upgraded connection is for.
 *
 * Node hands a socket over only if somebody listens; with no listener an upgrade is an ordinary request and CONNECT is
 * refused. So ours is there exactly while the app has one.
 */
export class UpgradeRecorder {
  readonly #server: HttpServer;
  readonly #tracker: ConnectionTracker;
  readonly #attached = new Set<UpgradeEvent>();
  /** Set during a stop: told about each connection that is upgraded from then on. */
  onUpgrade: ((connection: Connection) => void) | undefined;

  constructor(server: HttpServer, tracker: ConnectionTracker) {
    this.#server = server;
    this.#tracker = tracker;
    for (const event of UPGRADE_EVENTS) if (server.listenerCount(event) > 0) this.#attach(event);
    server.on('newListener', this.#onNewListener);
    server.on('removeListener', this.#onRemoveListener);
  }

  /** Whether `listener` is the recorder's own. */
  owns(listener: unknown): boolean {
    return listener === this.#record;
  }

  detach(): void {
    this.#server.off('newListener', this.#onNewListener);
    this.#server.off('removeListener', this.#onRemoveListener);
    for (const event of UPGRADE_EVENTS) this.#server.off(event, this.#record);
    this.#attached.clear();
  }

  #attach(event: UpgradeEvent): void {
    this.#attached.add(event);
    this.#server.prependListener(event, this.#record);
  }

  readonly #onNewListener = (event: string | symbol, listener: unknown): void => {
    if (!isUpgradeEvent(event) || this.owns(listener) || this.#attached.has(event)) return;
    this.#attach(event);
  };

  readonly #onRemoveListener = (event: string | symbol): void => {
    if (!isUpgradeEvent(event) || !this.#attached.has(event)) return;
    if (this.#server.listenerCount(event) > 1) return;
    this.#attached.delete(event);
    this.#server.off(event, this.#record);
  };

  readonly #record = (request: IncomingMessage, socket: Duplex): void => {
    // HTTP/2 emits 'connect' too, for a stream: its connection stays what it is.
    if (request.httpVersionMajor >= 2) return;
    const connection = this.#tracker.keep(request.socket);
    connection.upgrade = upgradeOf(request, socket);
    this.onUpgrade?.(connection);
  };
}

function isUpgradeEvent(event: string | symbol): event is UpgradeEvent {
  return event === 'upgrade' || event === 'connect';
}

function upgradeOf(request: IncomingMessage, socket: Duplex): Upgrade {
  const { method = '', url = '', headers } = request;
  const protocol = method === 'CONNECT' ? 'connect' : (headers.upgrade ?? 'upgrade').toLowerCase();
  const at = performance.now();
  return { socket, method, path: url, protocol, at, bytesWritten: request.socket.bytesWritten };
}
