import type { Endpoint } from './dump-document';

/** What `server.address()` gives. */
export function addressOf(address: unknown): Endpoint | undefined {
  if (typeof address === 'string') return address;
  const { address: host, port } = (address ?? {}) as { address?: string; port?: number };
  return endpoint(host, port);
}

export function endpoint(host: string | undefined, port: number | undefined): Endpoint | undefined {
  if (host === undefined || port === undefined) return undefined;
  if (!host.includes(':')) return `${host}:${port}`;
  return isMapped(host) ? `${host.slice(MAPPED.length)}:${port}` : `[${host}]:${port}`;
}

const MAPPED = '::ffff:';

/** How a socket for both families writes an IPv4 address. Not by a pattern, which V8 would compile for the first dump. */
function isMapped(host: string): boolean {
  return host.startsWith(MAPPED) && host.includes('.') && !host.includes(':', MAPPED.length);
}
