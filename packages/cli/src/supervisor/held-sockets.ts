import {
  type PassedSocket,
  type RestartEnvironment,
  removePath,
  type SocketRecord,
  type SocketToPass,
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

/**
 * The sockets of the service. The supervisor keeps each open without ever accepting: while no worker is up, clients wait in
 * the kernel's queue.
 */
export class HeldSockets {
  readonly #environment: RestartEnvironment;
  /** systemd's own, which it keeps open, so that they are never let go. Those of one unit have one name. */
  readonly #activated: readonly HeldSocket[];
  readonly #held = new Map<string, HeldSocket>();
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

  /** A worker has bound a socket itself. One of the same name that is held is no longer used by anybody. */
  hold(socket: HeldSocket): void {
    this.#letGo(socket.record.name);
    this.#held.set(socket.record.name, socket);
    if (this.#isOver) this.#letGo(socket.record.name);
  }

  /**
   * The service stops: the sockets are the workers' alone, and closed with theirs. Who connected to one that is only held would
   * wait for as long as the workers drain, and be reset then.
   */
  release(): void {
    this.#isOver = true;
    for (const name of this.#held.keys()) this.#letGo(name);
  }

  /** Closes a socket that nobody uses, and was not held. */
  discard({ record, handle }: HeldSocket): void {
    handle.close?.();
    removePath(this.#environment, record.address, record.pathInode);
  }

  /** Lets go of those that no worker uses any more: clients would connect and hang. Removes the paths of unix sockets. */
  keepOnly(names: readonly string[]): void {
    for (const name of this.#held.keys()) if (!names.includes(name)) this.#letGo(name);
    for (const { address, pathInode } of this.#former.splice(0))
      removePath(this.#environment, address, pathInode);
  }

  get #all(): readonly HeldSocket[] {
    return [...this.#activated, ...this.#held.values()];
  }

  #letGo(name: string): void {
    const held = this.#held.get(name);
    if (held === undefined) return;
    held.handle.close?.();
    this.#former.push(held.record);
    this.#held.delete(name);
  }

  toPass(): SocketToPass[] {
    return this.#all.map(({ record, handle }) => ({ record, fd: handle.fd }));
  }

  list(): { readonly name: string; readonly address: string }[] {
    return this.#all.map(({ record: { name, address } }) => ({ name, address }));
  }
}
