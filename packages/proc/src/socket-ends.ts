import type { Socket } from 'node:net';

/** How many handles are looked at: each costs two system calls, and the process is to end now. */
const MOST_HANDLES = 1000;

/**
 * Where the open sockets that keep the process alive lead, an entry per socket: `10.0.0.5:5432` for one that we opened,
 * `clients of 10.0.0.7:8080` for one that we accepted. Unix sockets have no address of their own.
 */
export function socketEnds(): string[] {
  const { _getActiveHandles } = process as unknown as { _getActiveHandles?: () => unknown[] };
  const handles = _getActiveHandles?.call(process) ?? [];
  return handles.slice(0, MOST_HANDLES).flatMap(endOf);
}

function endOf(handle: unknown): string[] {
  try {
    const { destroyed, remoteAddress, remotePort, localAddress, localPort, server } =
      handle as Socket & {
        readonly server?: unknown;
      };
    // A destroyed one is there until the event loop turns, and keeps nothing alive.
    if (destroyed || remoteAddress === undefined || remotePort === undefined) return [];
    if (server === undefined || server === null) return [at(remoteAddress, remotePort)];
    return [`clients of ${at(String(localAddress), Number(localPort))}`];
  } catch {
    // Whatever sits among the handles and throws must not break the end.
    return [];
  }
}

function at(host: string, port: number): string {
  // How a socket for both families writes an IPv4 address.
  const plain = host.replace(/^::ffff:(?=\d+\.)/, '');
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}
