import type { GivenSocket, HeldSocket } from './held-sockets';
import type { OfferedSockets } from './offered-sockets';

/** The sockets of one worker: those that it was given at its start, and those that it has bound itself. */
export class WorkerSockets {
  readonly #given: readonly GivenSocket[];
  readonly #offers: OfferedSockets;
  #claimed: readonly string[] = [];

  constructor(given: readonly GivenSocket[], offers: OfferedSockets) {
    this.#given = given;
    this.#offers = offers;
  }

  /** It has taken over those that it was given under these names, and closed the others. */
  claim(names: readonly string[]): void {
    this.#claimed = names;
  }

  /** Those that it has taken over. */
  get claimed(): readonly HeldSocket[] {
    const claimed = this.#given.filter(({ name }) => this.#claimed.includes(name));
    return claimed.map(({ socket }) => socket);
  }

  /** Those that it uses. */
  get used(): readonly HeldSocket[] {
    return [...this.claimed, ...this.#offers.all];
  }

  /** What they are called between the worker and us: as they were given to it, or as it has bound them. */
  namesOf(sockets: readonly HeldSocket[]): string[] {
    const bound = this.#offers.all.map((socket) => ({ name: socket.record.name, socket }));
    const all = [...this.#given, ...bound].filter(({ socket }) => sockets.includes(socket));
    return all.map(({ name }) => name);
  }
}
