import type { AddressInfo, ListenOptions } from 'node:net';
import { isIP } from 'node:net';
import type { AskedAddress, SocketRecord } from '../handover/handover';

/** An address as the records of sockets have it. */
export function formatAddress(address: AddressInfo | string | null): string {
  if (address === null) return '';
  if (typeof address === 'string') return address;
  const { address: host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An address for people, as it was asked for. */
export function formatAsked({ path, host, port }: AskedAddress): string {
  return path ?? `${host ?? '*'}:${port ?? 0}`;
}

/** What of `options` says where to listen. */
export function askedOf({ port, host, path }: ListenOptions): AskedAddress {
  return {
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(host === undefined ? {} : { host }),
    ...(path === undefined ? {} : { path }),
  };
}

/** Whether the socket of `record` is bound where `asked` wants one. Port 0 wants none in particular. */
export function isBoundAt(record: SocketRecord, asked: AskedAddress): boolean {
  if (asked.path !== undefined) return record.kind === 'unix' && record.address === asked.path;
  if (record.kind === 'unix') return false;
  const port = portOf(record.address);
  if ((asked.port ?? 0) !== 0 && asked.port !== port) return false;
  return isSameHost(record, asked.host);
}

function isSameHost({ asked, address }: SocketRecord, host: string | undefined): boolean {
  const bound = address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  if (normal(host) === normal(asked.host)) return true;
  const wanted = normal(host);
  if (wanted === '') return bound === '::' || bound === '0.0.0.0';
  if (isIP(wanted) !== 0) return wanted === bound;
  if (wanted === 'localhost') return bound === '127.0.0.1' || bound === '::1';
  return false;
}

function normal(host: string | undefined): string {
  return (host ?? '').toLowerCase();
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
