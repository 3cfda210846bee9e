import type { Duplex } from 'node:stream';
import type { Connection, Upgrade } from './connection';
import type { UpgradedConnection } from './http-drain-options';

/** A WebSocket close frame with code 1001, going away (RFC 6455 5.5.1, 7.4.1); frames of a server are not masked. */
const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9]);

/** Tells upgraded connections that the server is going away; from then on it is up to them when they end. */
export class UpgradedConnections {
  readonly #onDrain: (connection: UpgradedConnection) => unknown;
  readonly #told = new WeakSet<Upgrade>();
  /** What the callback of the app threw, or rejected with. */
  readonly errors: unknown[] = [];

  constructor(onDrain: ((connection: UpgradedConnection) => unknown) | undefined) {
    this.#onDrain = onDrain ?? sendGoingAway;
  }

  /** Tells `connection` once; as soon as the app has answered its upgrade, not before. */
  tell({ upgrade, transport }: Connection): void {
    if (upgrade === undefined || this.#told.has(upgrade)) return;
    this.#told.add(upgrade);
    const isAnswered = (transport?.bytesWritten ?? 0) > upgrade.bytesWritten;
    if (isAnswered) void this.#call(upgrade);
    else afterFirstWrite(upgrade.socket, () => this.#call(upgrade));
  }

  async #call(upgrade: Upgrade): Promise<void> {
    const { socket, method, path, protocol } = upgrade;
    if (!socket.writable) return;
    try {
      await this.#onDrain({ socket, method, path, protocol });
    } catch (error) {
      this.errors.push(error);
    }
  }
}

function sendGoingAway({ socket, protocol }: UpgradedConnection): void {
  // What is piped into a socket are the frames of somebody else, in chunks that end anywhere: ours would land inside one.
  if (protocol !== 'websocket' || socket.listenerCount('unpipe') > 0) return;
  // An app without 'error' listener would be brought down by a peer that is gone already.
  if (socket.listenerCount('error') === 0) socket.on('error', () => {});
  socket.write(GOING_AWAY);
}

/** Calls back when the app has written the answer to the upgrade; what is sent before would be taken for it. */
function afterFirstWrite(socket: Duplex, then: () => void): void {
  const own = Object.getOwnPropertyDescriptor(socket, 'write');
  const restore = () => {
    Reflect.deleteProperty(socket, 'write');
    if (own !== undefined) Object.defineProperty(socket, 'write', own);
  };
  const write = (...args: Parameters<Duplex['write']>): boolean => {
    restore();
    process.nextTick(then);
    return socket.write(...args);
  };
  Object.defineProperty(socket, 'write', { configurable: true, writable: true, value: write });
}
