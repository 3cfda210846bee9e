import { Socket } from 'node:net';
import { SocketSet } from '../drain/socket-set';
import type { OpenSql, SqlOptions } from './postgres-sql';

/**
 * The sockets of a pool: postgres.js keeps them where nobody sees them, but lets one be made elsewhere. Those that it opened
 * before the attachment are out of reach, and those of a pool with several hosts, of which it has an order of its own.
 */
export class SqlSockets extends SocketSet {
  readonly #options: SqlOptions;
  readonly #own: SqlOptions['socket'];
  /** Fails every connection from now on: postgres.js would try again for ever. */
  closedBy: Error | undefined;

  constructor({ options }: OpenSql) {
    super();
    this.#options = options;
    this.#own = options.socket;
    if (this.#own === undefined && options.host.length > 1) return;
    options.socket = async () => {
      if (this.closedBy !== undefined) throw this.closedBy;
      const socket = await this.open();
      this.add(socket);
      return socket;
    };
  }

  /** Begins a connection as postgres.js does. */
  open(): Socket | Promise<Socket> {
    const [address] = addressesOf(this.#options);
    return this.#own === undefined ? connectTo(address) : this.#own(this.#options);
  }

  /** Where a connection of the pool may lead, and what begins another one to there. */
  ways(): Way[] {
    const own = this.#own;
    const addresses = addressesOf(this.#options);
    if (own !== undefined) return [{ ...addresses[0], open: () => own(this.#options) }];
    return addresses.map((address) => ({ ...address, open: () => connectTo(address) }));
  }

  /** Gives the options back as they were. */
  restore(): void {
    this.#options.socket = this.#own;
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
  /** Of a unix socket. */
  readonly path: string | undefined;
}

/** A way to a server. */
export interface Way extends Address {
  readonly open: () => Socket | Promise<Socket>;
}

function addressesOf({ path, host, port }: SqlOptions): [Address, ...Address[]] {
  const [first = 'localhost', ...others] = host;
  const at = (name: string, index: number): Address => ({
    host: name,
    port: port[index] ?? 5432,
    path: path || undefined,
  });
  const rest = path ? [] : others.map((name, index) => at(name, index + 1));
  return [at(first, 0), ...rest];
}

/** A socket that connects to the server; what is written meanwhile waits. */
function connectTo({ path, host, port }: Address): Socket {
  // postgres.js reads the host from the socket, for the name in the TLS handshake.
  const socket = Object.assign(new Socket(), { host, port });
  return path === undefined ? socket.connect(port, host) : socket.connect(path);
}
