import type { Endpoint } from './dump-document';

/** What `server.address()` gives. */
export function addressOf(address: unknown): Endpoint | undefined {
  if (typeof address === 'string') return address;
  const { address: host, port } = (address ?? {}) as { address?: string; port?: number };
  return endpoint(host, port);
}

export function endpoint(host: string | undefined, port: number | undefined): Endpoint | undefined {
  if (host === undefined || port === undefined) return undefined;
  // How a socket for both families writes an IPv4 address.
  const plain = host.replace(/^::ffff:(?=\d+\.)/, '');
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}
