import type {
  BoundMessage,
  PassedSocket,
  SocketRecord,
  SocketToPass,
} from '@lastcall/restart/handover';

/** What Node gives for a socket that another process has sent: open, and nobody listens on it here. */
export interface HeldHandle {
  readonly fd: number;
  close?(): void;
}

/**
 * The sockets of the service. The supervisor keeps each open without ever accepting: while no worker is up, clients wait in
 * the kernel's queue.
 */
export class HeldSockets {
  readonly #held = new Map<
    string,
    { readonly record: SocketRecord; readonly handle: HeldHandle }
  >();
  readonly #watchers = new Set<() => void>();
  /** TLS ticket keys by name, base64. */
  readonly ticketKeys: Record<string, string> = {};

  /** @param activated - sockets that systemd has opened for the service */
  constructor(activated: readonly PassedSocket[]) {
    for (const { fd, ...record } of activated)
      this.#held.set(record.name, { record, handle: { fd } });
  }

  /** A worker has bound a socket itself. One of the same name that is held is no longer used by anybody. */
  add({ socket }: BoundMessage, handle: HeldHandle | undefined): void {
    // The descriptor table may be full: then there is nothing to keep.
    if (handle === undefined) return;
    this.#held.get(socket.name)?.handle.close?.();
    this.#held.set(socket.name, { record: socket, handle });
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Resolves when all of these are held; false when some have not come within `ms`. */
  arrived(names: readonly string[], ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const isComplete = (): boolean => names.every((name) => this.#held.has(name));
      const finish = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(check);
        resolve(isComplete());
      };
      const check = (): void => {
        if (isComplete()) finish();
      };
      const timer = setTimeout(finish, ms);
      this.#watchers.add(check);
      check();
    });
  }

  /** Lets go of those that no worker uses any more: clients would connect and hang. */
  keepOnly(names: readonly string[]): void {
    for (const [name, { handle }] of this.#held) {
      if (names.includes(name)) continue;
      handle.close?.();
      this.#held.delete(name);
    }
  }

  toPass(): SocketToPass[] {
    return [...this.#held.values()].map(({ record, handle }) => ({ record, fd: handle.fd }));
  }

  list(): { readonly name: string; readonly address: string }[] {
    return [...this.#held.values()].map(({ record: { name, address } }) => ({ name, address }));
  }
}
