import type { Socket as DatagramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import type { SocketRecord } from '../handover/handover';
import {
  datagramHandleOf,
  handleOf,
  pauseAccepting,
  resumeAccepting,
  type ServerHandle,
} from './node-handles';

/** Node's own backlog. */
export const DEFAULT_BACKLOG = 511;

/** A socket of this process that the next generation takes over by its name. */
export interface NamedSocket {
  readonly record: SocketRecord;
  /** Its descriptor; null when it is closed by now. */
  fd(): number | null;
  /** Whether {@link NamedSocket.pause} needs a reserve: a second handle of the same socket, which nobody listens on. */
  readonly needsReserve: boolean;
  /** Stops taking what is new; false when that is not possible. The socket stays open, as `reserve`. */
  pause(reserve: ServerHandle | null): boolean;
  /** Goes on. */
  resume(): void;
  /** TLS session ticket keys, where they are to be handed over. */
  ticketKeys(): Buffer | null;
}

/** A listening server under its name. */
export class NamedServer implements NamedSocket {
  readonly record: SocketRecord;
  readonly needsReserve = true;
  readonly #server: Server;
  readonly #backlog: number;
  readonly #hasTicketKeys: boolean;
  #isPaused = false;

  constructor(
    server: Server,
    record: SocketRecord,
    options: {
      readonly backlog?: number | undefined;
      readonly ticketKeys?: boolean | undefined;
    } = {},
  ) {
    this.#server = server;
    this.record = record;
    this.#backlog = options.backlog ?? DEFAULT_BACKLOG;
    this.#hasTicketKeys = options.ticketKeys ?? false;
  }

  fd(): number | null {
    return handleOf(this.#server)?.fd ?? null;
  }

  pause(reserve: ServerHandle | null): boolean {
    if (this.#isPaused || reserve === null) return this.#isPaused;
    this.#isPaused = pauseAccepting(this.#server, reserve);
    return this.#isPaused;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    resumeAccepting(this.#server, this.#backlog);
  }

  ticketKeys(): Buffer | null {
    if (!this.#hasTicketKeys) return null;
    return (this.#server as Server & { getTicketKeys?(): Buffer }).getTicketKeys?.() ?? null;
  }
}

/** A bound datagram socket under its name. While both generations have it, each datagram goes to one of them. */
export class NamedDatagramSocket implements NamedSocket {
  readonly record: SocketRecord;
  readonly needsReserve = false;
  readonly #socket: DatagramSocket;

  constructor(socket: DatagramSocket, record: SocketRecord) {
    this.#socket = socket;
    this.record = record;
  }

  fd(): number | null {
    const fd = datagramHandleOf(this.#socket)?.fd;
    return fd === undefined || fd < 0 ? null : fd;
  }

  pause(): boolean {
    return datagramHandleOf(this.#socket)?.recvStop() === 0;
  }

  resume(): void {
    datagramHandleOf(this.#socket)?.recvStart();
  }

  ticketKeys(): null {
    return null;
  }
}
