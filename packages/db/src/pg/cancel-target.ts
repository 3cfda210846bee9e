import { isIP, Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { CancelTarget, CancelTls } from '../postgres-wire/cancel-request';
import type { PgClient, PgOptions } from './pg-pool';

/** How the server is told to cancel what `client` runs. */
export function cancelTarget(options: PgOptions, client: PgClient): CancelTarget {
  return {
    processId: client.processID,
    secretKey: client.secretKey,
    tls: tlsOf(client),
    open: () => openSocket(options, client),
  };
}

/** As pg does it. */
function tlsOf({ ssl, sslNegotiation, host }: PgClient): CancelTls | undefined {
  if (!ssl) return undefined;
  const given: ConnectionOptions = typeof ssl === 'object' ? ssl : {};
  const { key } = given;
  return {
    options: {
      host,
      ...given,
      // pg hides it from whoever copies the options.
      ...(key === undefined ? {} : { key }),
      ...(isIP(host) === 0 ? { servername: host } : {}),
    },
    isDirect: sslNegotiation === 'direct',
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
