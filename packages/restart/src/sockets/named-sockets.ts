import { LastcallError } from '@lastcall/proc';
import type { SocketToPass } from '../handover/generation-process';
import type { RestartEnvironment } from '../restart-environment';
import type { NamedSocket } from './named-socket';
import { reserveHandles } from './reserve-handles';

/** The sockets of this process by name: what the next generation takes over. */
export class NamedSockets {
  readonly #environment: RestartEnvironment;
  readonly #sockets = new Map<string, NamedSocket>();
  /** What those that were handed over were called then: systemd names them after units, and a generation as it likes. */
  readonly #formerNames = new Map<string, string>();
  readonly #pending = new Set<string>();
  #paused: readonly NamedSocket[] = [];
  /** Grows with each wish to pause or to resume: the last one counts, though pausing takes its time. */
  #wish = 0;

  constructor(environment: RestartEnvironment) {
    this.#environment = environment;
  }

  /** Those that are open. */
  get open(): readonly NamedSocket[] {
    return [...this.#sockets.values()].filter((socket) => socket.fd() !== null);
  }

  /** Names that were given to sockets, open or on the way. */
  get names(): readonly string[] {
    return [...this.open.map(({ record }) => record.name), ...this.#pending];
  }

  /**
   * Keeps `name` for a socket that is being bound.
   *
   * @throws LastcallError `LASTCALL_SOCKET_NAME_TAKEN`
   */
  claim(name: string): void {
    if (this.names.includes(name)) {
      throw new LastcallError(
        'LASTCALL_SOCKET_NAME_TAKEN',
        `there is a socket named '${name}' already; give each its own name`,
      );
    }
    this.#pending.add(name);
  }

  /** Gives a claimed name back: the socket could not be bound. */
  release(name: string): void {
    this.#pending.delete(name);
  }

  /** @param formerName - What it was called when it was handed over; null when it was not */
  add(socket: NamedSocket, formerName: string | null): void {
    const { name } = socket.record;
    this.#pending.delete(name);
    this.#sockets.set(name, socket);
    this.#formerNames.set(name, formerName ?? name);
  }

  /** What the sockets are called here that a supervisor knows by these names. */
  namesHere(names: readonly string[]): string[] {
    const here = [...this.#formerNames].filter(([, formerName]) => names.includes(formerName));
    return here.map(([name]) => name);
  }

  /** Each open socket with its descriptor. */
  toPass(): SocketToPass[] {
    return this.open.map((socket) => ({ record: socket.record, fd: socket.fd() as number }));
  }

  /** TLS ticket keys to hand over, base64, by name. */
  ticketKeys(): Record<string, string> {
    const keys: Record<string, string> = {};
    for (const socket of this.open) {
      const own = socket.ticketKeys();
      if (own !== null) keys[socket.record.name] = own.toString('base64');
    }
    return keys;
  }

  /** Stops accepting on the named sockets, which stay open; false when some of them could not be kept in reserve. */
  async pause(names: readonly string[]): Promise<boolean> {
    const chosen = this.open.filter(({ record }) => names.includes(record.name));
    const servers = chosen.filter(({ needsReserve }) => needsReserve);
    const fds = servers.map((socket) => socket.fd() as number);
    const wish = ++this.#wish;
    const reserve = await reserveHandles(this.#environment, fds);
    if (reserve === null) return false;
    if (wish !== this.#wish) {
      for (const handle of reserve) handle.close();
      return true;
    }
    this.#paused = chosen.filter((socket) => {
      const handle = reserve[servers.indexOf(socket)] ?? null;
      // It may have been closed meanwhile.
      const isPaused = socket.fd() !== null && socket.pause(handle);
      if (!isPaused) handle?.close();
      return isPaused;
    });
    return this.#paused.length === chosen.length;
  }

  /** Accepts again. */
  resume(): void {
    this.#wish += 1;
    for (const socket of this.#paused) socket.resume();
    this.#paused = [];
  }
}
