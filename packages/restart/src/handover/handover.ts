import { LastcallError, toError } from '@lastcall/proc';

// The protocol between a generation and whoever starts it: the former generation (topology `chain`), or a supervisor such
// as `lastcall run` (topology `supervised`). Everything a reader needs to speak it is in this file; docs/restart.md says the
// same in prose.
//
// 1. The starter spawns the new process with descriptors beyond stdio: one end of a stream socket (the control channel),
//    and each named socket.
// 2. The environment variable LASTCALL_HANDOVER says which descriptor is what, in JSON (`Handover`). The new process removes
//    it from its environment when it reads it, and checks each descriptor by its inode. One that inherited the variable
//    without the descriptors (a child of a child) ignores it.
// 3. Over the channel go lines of JSON in both directions (`DownMessage`, `UpMessage`). Its end means that the other side
//    has ended: that is how a new generation learns that the old one is gone.
// 4. `ready` is the promise that the new generation serves. Before it, whatever happens to the new process changes nothing
//    for the old one. After it, the old one accepts nothing new, and takes the sockets back if the new one dies before
//    `settled`. After `settled` there is no way back: the old one stops.
// 5. In topology `supervised` the process has Node's IPC channel besides. A socket that it bound itself goes up on it
//    (`bound`, with the handle), so that the supervisor can keep it open and give it to the next generation.

/** The environment variable that carries a {@link Handover}. */
export const HANDOVER_VARIABLE = 'LASTCALL_HANDOVER';

/** The version of the protocol; a generation that speaks another refuses to take over. */
export const HANDOVER_VERSION = 1;

/** Who starts generations: the one before, or a supervisor that stays. */
export type Topology = 'chain' | 'supervised';

export type SocketKind = 'tcp' | 'unix' | 'udp';

/** Where a socket is to be bound, as the program asked for it. */
export interface AskedAddress {
  readonly port?: number | undefined;
  readonly host?: string | undefined;
  readonly path?: string | undefined;
}

/** A named socket, as one generation describes it to the next. */
export interface SocketRecord {
  readonly name: string;
  readonly kind: SocketKind;
  /** What the program asked for when it was bound. */
  readonly asked: AskedAddress;
  /** Where it is bound: `host:port`, `[host]:port` or a path. */
  readonly address: string;
  /** The inode of the socket itself: tells that a descriptor is this socket. */
  readonly inode: number;
  /** The inode of the path of a unix socket: tells that nobody else has taken the path. Null without a path. */
  readonly pathInode: number | null;
  /** Whether it came from systemd: its path is then not ours to remove. */
  readonly activated: boolean;
  /** The descriptor that systemd passed it as: programs may know it by that, which need not be the one that it has here. */
  readonly activatedFd?: number | undefined;
}

/** A socket with its descriptors in the new process. */
export interface PassedSocket extends SocketRecord {
  readonly fd: number;
}

/** A process of the chain that may still be alive. */
export interface Ancestor {
  readonly pid: number;
  /** When it was started, where the system says so: tells it from a later process of the same pid. */
  readonly startedAt: string | null;
}

/** What a new generation is given. */
export interface Handover {
  readonly version: typeof HANDOVER_VERSION;
  readonly topology: Topology;
  /** The generation of the new process; the first is 1. */
  readonly generation: number;
  readonly parentPid: number;
  readonly channelFd: number;
  /** Processes of older generations, as far as they may be alive; in a chain, the last of them is the parent. */
  readonly ancestors: readonly Ancestor[];
  readonly sockets: readonly PassedSocket[];
}

/** What the starter tells a generation. */
export type DownMessage =
  /** The first message. Ticket keys are secret: they go here, not into the environment. Base64, by socket name. */
  | { readonly type: 'hello'; readonly ticketKeys: Readonly<Record<string, string>> }
  /** The generation has taken over for good. */
  | { readonly type: 'settled' }
  /** Supervised: the generation before has ended. (In a chain the end of the channel says so.) */
  | { readonly type: 'alone' }
  /** Supervised: a successor is ready. Accept nothing new on these sockets, and be ready to `resume`. */
  | { readonly type: 'pause'; readonly names: readonly string[] }
  /** Supervised: the successor died. Accept again. */
  | { readonly type: 'resume' }
  /** Supervised: the successor (null where there is none, as with fewer workers) has taken over. Stop, for `upgrade`. */
  | { readonly type: 'replaced'; readonly pid: number | null }
  /** Supervised: the answer to `upgrade`, when it did not come about. Otherwise `replaced` is the answer. */
  | { readonly type: 'refused'; readonly code: string; readonly message: string };

/** What a generation tells its starter. */
export type UpMessage =
  /**
   * It serves. `claimed` are the sockets that it took over, by the names they came with; the others it has closed. `bound` are
   * those that it bound itself and gives to a supervisor: they go another way (`BoundMessage`) and may arrive later.
   */
  | {
      readonly type: 'ready';
      readonly claimed: readonly string[];
      readonly bound: readonly string[];
    }
  /** It will not be ready, for this reason, and is about to end. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  /** It stops because somebody asked it to: that is no crash. In a chain nobody should take its place. */
  | { readonly type: 'stopping'; readonly reason: string }
  /** Its stop is over, and it ends now: whether nothing was cut, late or forced. */
  | { readonly type: 'stopped'; readonly ok: boolean }
  /** Supervised: the answer to `pause`, once nothing new is accepted on those sockets, or it cannot be helped. */
  | { readonly type: 'paused' }
  /** Supervised: somebody asked this process for an upgrade; the supervisor is to replace it. */
  | { readonly type: 'upgrade'; readonly reason: string }
  /** Supervised: TLS ticket keys, for workers to come. Base64. */
  | { readonly type: 'ticketKeys'; readonly name: string; readonly keys: string };

/** Supervised, on Node's IPC channel together with the socket's handle: a socket that the process bound itself. */
export interface BoundMessage {
  readonly type: 'lastcall:bound';
  readonly socket: SocketRecord;
}

export function encodeHandover(handover: Handover): string {
  return JSON.stringify(handover);
}

/** @throws LastcallError `LASTCALL_HANDOVER_INVALID` */
export function decodeHandover(text: string): Handover {
  const handover = parse(text);
  if (handover?.version !== HANDOVER_VERSION) {
    throw new LastcallError(
      'LASTCALL_HANDOVER_INVALID',
      `the former generation speaks version ${String(handover?.version)} of the handover, this one ${HANDOVER_VERSION}; ` +
        'stop the service and start it anew',
    );
  }
  return handover;
}

function parse(text: string): Handover | null {
  try {
    return JSON.parse(text) as Handover | null;
  } catch (thrown) {
    const cause = toError(thrown);
    const message = `environment variable ${HANDOVER_VARIABLE} is not JSON: ${cause.message}; unset it`;
    throw new LastcallError('LASTCALL_HANDOVER_INVALID', message, { cause });
  }
}
