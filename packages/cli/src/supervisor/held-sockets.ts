import {
  type PassedSocket,
  type RestartEnvironment,
  removePath,
  type SocketRecord,
} from '@lastcall/restart/handover';

/** What Node gives for a socket that another process has sent: open, and nobody listens on it here. */
export interface HeldHandle {
  readonly fd: number;
  close?(): void;
}

/** A socket that is open here, and what it is. */
export interface HeldSocket {
  readonly record: SocketRecord;
  readonly handle: HeldHandle;
}

/** A socket as a worker is given it: workers find theirs by name or address, and say by the name which they have taken. */
export interface GivenSocket {
  readonly name: string;
  readonly socket: HeldSocket;
}

/**
 * The sockets of the service. The supervisor keeps each open without ever accepting: while no worker is up, clients wait in
 * the kernel's queue.
 */
export class HeldSockets {
  readonly #environment: RestartEnvironment;
  /** systemd's own, which it keeps open, so that they are never let go. Those of one unit have one name. */
  readonly #activated: readonly HeldSocket[];
  readonly #held = new Set<HeldSocket>();
  /** Those that are not held any more, and whose paths are not removed yet: as long as an upgrade may fail, they are served. */
  readonly #former: SocketRecord[] = [];
  #isOver = false;
  /** TLS ticket keys by name, base64. */
  readonly ticketKeys: Record<string, string> = {};

  /** @param activated - sockets that systemd has opened for the service */
  constructor(environment: RestartEnvironment, activated: readonly PassedSocket[]) {
    this.#environment = environment;
    this.#activated = activated.map(({ fd, ...record }) => ({ record, handle: { fd } }));
  }

  /** A worker has bound a socket itself. One that had its name may still be used, under another one or by another worker. */
  hold(socket: HeldSocket): void {
    this.#held.add(socket);
    if (this.#isOver) this.#letGo(socket);
  }

  /**
   * The service stops: the sockets are the workers' alone, and closed with theirs. Who connected to one that is only held would
   * wait for as long as the workers drain, and be reset then.
   */
  release(): void {
    this.#isOver = true;
    for (const socket of this.#held) this.#letGo(socket);
  }

  /** Closes a socket that nobody uses, and was not held. */
  discard({ record, handle }: HeldSocket): void {
    handle.close?.();
    removePath(this.#environment, record.address, record.pathInode);
  }

  /** Lets go of those that no worker uses any more: clients would connect and hang. Removes the paths of unix sockets. */
  keepOnly(used: readonly HeldSocket[]): void {
    for (const socket of this.#held) if (!used.includes(socket)) this.#letGo(socket);
    for (const { address, pathInode } of this.#former.splice(0))
      removePath(this.#environment, address, pathInode);
  }

  /** What a worker that starts now is given. Where several were bound under one name, the youngest has it. */
  toGive(): GivenSocket[] {
    const names = new Set<string>();
    const held = [...this.#held].reverse().map((socket) => {
      const name = nameBesides(names, socket.record.name);
      names.add(name);
      return { name, socket };
    });
    const activated = this.#activated.map((socket) => ({ name: socket.record.name, socket }));
    return [...activated, ...held.reverse()];
  }

  list(): { readonly name: string; readonly address: string }[] {
    const all = [...this.#activated, ...this.#held];
    return all.map(({ record: { name, address } }) => ({ name, address }));
  }

  #letGo(socket: HeldSocket): void {
    socket.handle.close?.();
    this.#former.push(socket.record);
    this.#held.delete(socket);
  }
}

function nameBesides(names: ReadonlySet<string>, name: string): string {
  if (!names.has(name)) return name;
  for (let count = 2; ; count += 1) {
    const other = `${name}#${count}`;
    if (!names.has(other)) return other;
  }
}
