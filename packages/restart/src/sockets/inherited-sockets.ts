import { LastcallError } from '@lastcall/proc';
import type { AskedAddress, PassedSocket, SocketKind } from '../handover/handover';
import type { RestartEnvironment } from '../restart-environment';
import { isBoundAt } from './socket-address';

/** The sockets that this process was given and nobody has asked for yet. */
export class InheritedSockets {
  readonly #environment: RestartEnvironment;
  readonly #hasOthers: boolean;
  readonly #unclaimed = new Set<PassedSocket>();
  readonly #taken: string[] = [];
  readonly #closed = new Set<string>();
  #isOver = false;

  /** @param hasOthers - Whether there may be other processes of the service */
  constructor(
    environment: RestartEnvironment,
    sockets: readonly PassedSocket[],
    hasOthers: boolean,
  ) {
    this.#environment = environment;
    this.#hasOthers = hasOthers;
    for (const socket of sockets) this.#unclaimed.add(socket);
  }

  /** What those that were taken were called when they were handed over. */
  get taken(): readonly string[] {
    return this.#taken;
  }

  /**
   * Takes the socket called `name`, unless it is bound elsewhere than the program now wants it (systemd has the last word on
   * where; several of one unit have one name); else one that is bound there, whatever it is called: the address would be taken.
   *
   * @throws LastcallError `LASTCALL_SOCKET_INVALID`
   */
  take(name: string, kind: SocketKind, asked: AskedAddress): PassedSocket | undefined {
    const sameType = [...this.#unclaimed].filter(
      (socket) => (socket.kind === 'udp') === (kind === 'udp'),
    );
    const fitting = sameType.filter((socket) => socket.kind === kind && isBoundAt(socket, asked));
    const found =
      fitting.find((socket) => socket.name === name) ??
      fitting.find((socket) => isActivatedAs(socket, name)) ??
      sameType.find((socket) => isActivatedAs(socket, name)) ??
      (isAnywhere(asked) ? undefined : fitting[0]);
    return this.#handOut(found);
  }

  /** Takes the socket that systemd passed as `fd`, whatever it is called: a program may know the number. */
  takeActivated(fd: number | undefined): PassedSocket | undefined {
    if (fd === undefined) return undefined;
    return this.#handOut([...this.#unclaimed].find(({ activatedFd }) => activatedFd === fd));
  }

  /** Closes what nobody asked for: clients would connect and hang. @returns what was closed */
  closeUnclaimed(): readonly PassedSocket[] {
    const closed = [...this.#unclaimed];
    for (const { fd, name } of closed) {
      this.#environment.closeFd(fd);
      this.#closed.add(name);
    }
    this.#unclaimed.clear();
    this.#isOver = true;
    return closed;
  }

  /** Why the address of a socket that is called so may be taken by another process of the service; null where it is not by one. */
  whyTaken(name: string): string | null {
    if (this.#closed.has(name))
      return 'was handed over, and closed at restart.ready() as nobody had asked for it, and the former generation still has the address';
    if (this.#isOver && this.#hasOthers)
      return 'was asked for after restart.ready(), when none is handed over any more, and lastcall run, which holds what was bound before, another worker, the former generation or another program has the address';
    return null;
  }

  /** What may be the matter where an address is taken before `restart.ready()`; null in the first process of a service. */
  get hint(): string | null {
    if (!this.#hasOthers) return null;
    return 'was not among those that were handed over: another program has its address, or another process of the service that asked for it late; ask for it before restart.ready(), in each of them';
  }

  #handOut(found: PassedSocket | undefined): PassedSocket | undefined {
    if (found === undefined) return undefined;
    this.#unclaimed.delete(found);
    this.#assertIsIt(found);
    this.#taken.push(found.name);
    return found;
  }

  /** With a wrapper in between that opens files of its own, a descriptor may be anything. */
  #assertIsIt({ name, fd, inode, address }: PassedSocket): void {
    const facts = this.#environment.fstat(fd);
    if (facts?.isSocket === true && facts.inode === inode) return;
    throw new LastcallError(
      'LASTCALL_SOCKET_INVALID',
      `descriptor ${fd} is not the socket '${name}' (${address}) that was handed over; ` +
        'start node itself, without a wrapper such as npm in between',
    );
  }
}

/** systemd names a socket after its unit unless told otherwise. */
function isActivatedAs(socket: PassedSocket, name: string): boolean {
  return socket.activated && (socket.name === name || socket.name === `${name}.socket`);
}

/** Whether any address will do, so that only the name tells which socket is meant. */
function isAnywhere({ port, path }: AskedAddress): boolean {
  return path === undefined && (port ?? 0) === 0;
}
