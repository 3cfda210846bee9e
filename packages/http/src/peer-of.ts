import type { Socket } from 'node:net';

/** `address:port` of the other end of a socket, or `unix`. */
export function peerOf({ remoteAddress: host, remotePort: port }: Socket): string {
  if (host === undefined) return 'unix';
  if (!host.includes(':')) return `${host}:${port}`;
  // How a socket for both families writes an IPv4 address.
  const plain = host.replace(/^::ffff:(?=\d+\.)/, '');
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}
