import type { SocketKind } from '../handover/handover';
import type { RestartEnvironment } from '../restart-environment';

const TABLES: readonly (readonly [path: string, kind: SocketKind])[] = [
  ['/proc/net/tcp', 'tcp'],
  ['/proc/net/tcp6', 'tcp'],
  ['/proc/net/udp', 'udp'],
  ['/proc/net/udp6', 'udp'],
];

/** Finds out what a socket is and where it is bound; Node says neither of a descriptor. Null where the system does not say. */
export function socketOfInode(
  environment: RestartEnvironment,
  inode: number,
): { readonly kind: SocketKind; readonly address: string } | null {
  for (const [path, kind] of TABLES) {
    const address = inetAddress(environment.readText(path), inode);
    if (address !== null) return { kind, address };
  }
  const path = unixPath(environment.readText('/proc/net/unix'), inode);
  return path === null ? null : { kind: 'unix', address: path };
}

/** Columns: `sl local_address rem_address st … inode` (the tenth). */
function inetAddress(table: string | null, inode: number): string | null {
  for (const line of table?.split('\n') ?? []) {
    const columns = line.trim().split(/\s+/);
    if (columns[9] === String(inode)) return decodeAddress(columns[1] ?? '');
  }
  return null;
}

/** `0100007F:1F90`: words in the byte order of the machine, as good as always little-endian. */
function decodeAddress(text: string): string {
  const [host = '', port = ''] = text.split(':');
  const bytes = Buffer.from(host, 'hex');
  bytes.swap32();
  const decimalPort = Number.parseInt(port, 16);
  if (bytes.length === 4) return `${[...bytes].join('.')}:${decimalPort}`;
  const groups = Array.from({ length: 8 }, (_, index) =>
    bytes.readUInt16BE(index * 2).toString(16),
  );
  return `[${canonical(groups.join(':'))}]:${decimalPort}`;
}

/** The short form, as Node has it. */
function canonical(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

/** Columns: `Num RefCount Protocol Flags Type St Inode Path`. An abstract name begins with `@`. */
function unixPath(table: string | null, inode: number): string | null {
  for (const line of table?.split('\n') ?? []) {
    const columns = line.trim().split(/\s+/);
    if (columns[6] !== String(inode)) continue;
    const path = columns.slice(7).join(' ');
    return path.startsWith('@') ? `\0${path.slice(1)}` : path;
  }
  return null;
}
