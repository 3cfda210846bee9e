import { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { CancelTarget } from '../postgres-wire/cancel-request';
import type { PgClient, PgOptions } from './pg-pool';

/** How the server is told to cancel what `client` runs. */
export function cancelTarget(options: PgOptions, client: PgClient): CancelTarget {
  const { ssl, host } = client;
  return {
    processId: client.processID,
    secretKey: client.secretKey,
    tls: typeof ssl === 'object' && ssl !== null ? (ssl as ConnectionOptions) : Boolean(ssl),
    host: host.startsWith('/') ? undefined : host,
    open: () => openSocket(options, client),
  };
}

function openSocket(options: PgOptions, { host, port, connection }: PgClient): Socket {
  const { stream } = options;
  const socket = typeof stream === 'function' ? (stream(options) as Socket) : new Socket();
  const { remoteAddress, remotePort = port } = connection?.stream ?? {};
  if (host.startsWith('/')) return socket.connect(`${host}/.s.PGSQL.${port}`);
  // A stream of the application's own may lead somewhere that has no address for us.
  if (typeof stream === 'function' || remoteAddress === undefined)
    return socket.connect(port, host);
  // Of several servers behind one name, the one that the client is connected to.
  return socket.connect(remotePort, remoteAddress);
}
