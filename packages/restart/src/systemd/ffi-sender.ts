import { closeSync, writeSync } from 'node:fs';
import { endianness } from 'node:os';
import type { NotifySender } from '../settings';

/** What of `node:ffi` is needed. It is experimental: what is not as expected means that it is not there. */
interface Ffi {
  dlopen(path: null, definitions: object): { readonly functions: LibC };
  getRawPointer(source: Buffer): bigint;
}

interface LibC {
  socket(domain: number, type: number, protocol: number): number;
  connect(fd: number, address: bigint, length: number): number;
}

const AF_UNIX = 1;
/** SOCK_DGRAM | SOCK_CLOEXEC, as Linux has them on x86 and ARM. */
const DATAGRAM = 2 | 0o2000000;

// Node 26 renamed the keys of a signature; the ones it does not know it ignores.
const SOCKET = { arguments: ['i32', 'i32', 'i32'], return: 'i32' };
const CONNECT = { arguments: ['i32', 'pointer', 'u32'], return: 'i32' };
const DEFINITIONS = {
  socket: { ...SOCKET, parameters: SOCKET.arguments, result: SOCKET.return },
  connect: { ...CONNECT, parameters: CONNECT.arguments, result: CONNECT.return },
};

/**
 * Sends datagrams to a unix socket by the C library, which Node itself has no way for; null where `node:ffi` is missing. The
 * datagram carries the pid of this process, so that `NotifyAccess=main` is enough.
 */
export function createFfiSender(path: string): NotifySender | null {
  const ffi = loadFfi();
  if (ffi === null) return null;
  let libC: LibC;
  try {
    libC = ffi.dlopen(null, DEFINITIONS).functions;
  } catch {
    return null;
  }
  return (datagram) => {
    const fd = libC.socket(AF_UNIX, DATAGRAM, 0);
    if (fd < 0) throw new Error('no socket could be made');
    try {
      const address = socketAddress(path);
      if (libC.connect(fd, ffi.getRawPointer(address), address.length) !== 0)
        throw new Error(`${path} cannot be connected to`);
      writeSync(fd, datagram);
    } finally {
      closeSync(fd);
    }
  };
}

/** Node warns once that it is experimental; we know, and fall back when it changes. */
function loadFfi(): Ffi | null {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return require('node:ffi') as Ffi;
  } catch {
    return null;
  } finally {
    process.emitWarning = emitWarning;
  }
}

function socketAddress(path: string): Buffer {
  const isAbstract = path.startsWith('@');
  // A path ends with a zero byte, an abstract name begins with one.
  const name = isAbstract ? `\0${path.slice(1)}` : `${path}\0`;
  const family = Buffer.alloc(2);
  if (endianness() === 'LE') family.writeUInt16LE(AF_UNIX);
  else family.writeUInt16BE(AF_UNIX);
  return Buffer.concat([family, Buffer.from(name)]);
}
