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
    if (this.#own !== undefined) return this.#own(this.#options);
    return this.connect();
  }

  /** A socket that connects to the server; what is written meanwhile waits. */
  connect(): Socket {
    const { path, host, port } = this.#options;
    const [firstHost = 'localhost', firstPort = 5432] = [host[0], port[0]];
    // postgres.js reads the host from the socket, for the name in the TLS handshake.
    const socket = Object.assign(new Socket(), { host: firstHost, port: firstPort });
    return path ? socket.connect(path) : socket.connect(firstPort, firstHost);
  }

  /** Gives the options back as they were. */
  restore(): void {
    this.#options.socket = this.#own;
  }
}
