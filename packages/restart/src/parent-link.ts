import { LastcallError } from '@lastcall/proc';
import { ControlChannel } from './handover/control-channel';
import {
  type DownMessage,
  decodeHandover,
  HANDOVER_VARIABLE,
  type Handover,
  type UpMessage,
} from './handover/handover';
import type { Remover, RestartEnvironment } from './restart-environment';
import type { NamedSocket } from './sockets/named-socket';
import type { SocketHandle } from './sockets/node-handles';

/** How long the first message may take, in milliseconds: it was sent before we were started. */
const HELLO_MS = 5000;

/** Whoever started this process as a generation: the former one, or a supervisor. */
export class ParentLink {
  readonly handover: Handover;
  /** Resolves when the parent has ended. */
  readonly gone: Promise<void>;
  /** Resolves when there is no way back to the parent: it says so, or has ended. */
  readonly settled: Promise<void>;
  /** The TLS ticket keys of the parent's sockets; none when it says nothing. */
  readonly ticketKeys: Promise<Readonly<Record<string, string>>>;
  readonly #environment: RestartEnvironment;
  readonly #channel: ControlChannel<DownMessage, UpMessage>;

  constructor(environment: RestartEnvironment, handover: Handover) {
    this.#environment = environment;
    this.handover = handover;
    this.#channel = new ControlChannel(environment.openStream(handover.channelFd));
    this.gone = new Promise((resolve) => this.#channel.onEnd(resolve));
    this.settled = Promise.race([this.gone, this.#first('settled').then(() => {})]);
    const late = new Promise<null>((resolve) => {
      const cancel = environment.setTimer(() => resolve(null), HELLO_MS);
      void this.#first('hello').then(cancel);
    });
    this.ticketKeys = Promise.race([this.#first('hello'), late, this.gone]).then(
      (hello) => hello?.ticketKeys ?? {},
    );
  }

  get isGone(): boolean {
    return !this.#channel.isOpen;
  }

  send(message: UpMessage): void {
    this.#channel.send(message);
  }

  onMessage(fn: (message: DownMessage) => void): Remover {
    return this.#channel.onMessage(fn);
  }

  /** Supervised: gives the supervisor a socket that this process has bound itself. */
  sendBound(socket: NamedSocket, handle: SocketHandle): void {
    this.sendTicketKeys(socket);
    this.#environment.sendHandle({ type: 'lastcall:bound', socket: socket.record }, handle);
  }

  /** Supervised: gives the supervisor the keys of a socket for workers to come, where they are to be handed over. */
  sendTicketKeys(socket: NamedSocket): void {
    const keys = socket.ticketKeys()?.toString('base64');
    if (keys !== undefined) this.send({ type: 'ticketKeys', name: socket.record.name, keys });
  }

  #first<T extends DownMessage['type']>(type: T): Promise<Extract<DownMessage, { type: T }>> {
    return new Promise((resolve) => {
      const remove = this.#channel.onMessage((message) => {
        if (message.type !== type) return;
        remove();
        resolve(message as Extract<DownMessage, { type: T }>);
      });
    });
  }
}

/**
 * Finds out who started this process, and takes what says so out of the environment: processes that it starts must not
 * believe it.
 *
 * @returns null when nobody did who hands anything over
 * @throws LastcallError `LASTCALL_HANDOVER_INVALID`
 */
export function findParent(environment: RestartEnvironment): ParentLink | null {
  const text = environment.env(HANDOVER_VARIABLE);
  if (text === undefined) return null;
  environment.unsetEnv(HANDOVER_VARIABLE);
  const handover = decodeHandover(text);
  if (!isMeant(environment, handover)) return null;
  return new ParentLink(environment, handover);
}

/** A process that merely inherited the variable has not got the descriptors: Node does not pass them on. */
function isMeant(environment: RestartEnvironment, handover: Handover): boolean {
  // Of one that such a process has forked, node:cluster's workers among them, it is Node's own channel.
  if (environment.ipcFd() === handover.channelFd) return false;
  const channel = environment.fstat(handover.channelFd);
  if (channel?.isSocket !== true) return wasMeant(environment, handover);
  return true;
}

function wasMeant(environment: RestartEnvironment, { parentPid, channelFd }: Handover): boolean {
  if (parentPid !== environment.ppid) return false;
  throw new LastcallError(
    'LASTCALL_HANDOVER_INVALID',
    `descriptor ${channelFd}, the channel to process ${parentPid}, is not open; start node itself, without a wrapper in between`,
  );
}
