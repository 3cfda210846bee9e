import type { BoundMessage } from '@lastcall/restart/handover';
import type { HeldHandle, HeldSocket, HeldSockets } from './held-sockets';

/**
 * The sockets that one worker has bound. They are the service's from when the worker is: one that was to replace another, and
 * fails, takes its own with it, and what it would have replaced is still held.
 */
export class OfferedSockets {
  readonly #held: HeldSockets;
  readonly #all: HeldSocket[] = [];
  /** Those that are neither held nor discarded yet. */
  readonly #offers = new Set<HeldSocket>();
  readonly #ticketKeys = new Map<string, string>();
  readonly #arrived = new Set<string>();
  readonly #watchers = new Set<() => void>();
  #state: 'offered' | 'accepted' | 'rejected' = 'offered';

  constructor(held: HeldSockets) {
    this.#held = held;
  }

  /** Those that have come. */
  get all(): readonly HeldSocket[] {
    return this.#all;
  }

  add({ socket }: BoundMessage, handle: HeldHandle | undefined): void {
    // The descriptor table may be full: then there is nothing to keep.
    if (handle === undefined) return;
    const offer = { record: socket, handle };
    this.#all.push(offer);
    this.#offers.add(offer);
    this.#arrived.add(socket.name);
    this.#pass();
    for (const watcher of [...this.#watchers]) watcher();
  }

  addTicketKeys(name: string, keys: string): void {
    this.#ticketKeys.set(name, keys);
    this.#pass();
  }

  /** Resolves when all of these have come; false when some have not within `ms`. */
  arrived(names: readonly string[], ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const isComplete = (): boolean => names.every((name) => this.#arrived.has(name));
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

  /** The worker is one of the service: so are its sockets, and those to come. */
  accept(): void {
    this.#state = 'accepted';
    this.#pass();
  }

  /** The worker has ended, and nobody else has its sockets. */
  reject(): void {
    this.#state = 'rejected';
    this.#pass();
  }

  #pass(): void {
    if (this.#state === 'offered') return;
    for (const offer of this.#offers) {
      if (this.#state === 'accepted') this.#held.hold(offer);
      else this.#held.discard(offer);
    }
    this.#offers.clear();
    if (this.#state === 'rejected') return;
    for (const [name, keys] of this.#ticketKeys) this.#held.ticketKeys[name] = keys;
    this.#ticketKeys.clear();
  }
}
