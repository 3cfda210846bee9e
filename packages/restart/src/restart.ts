import type { Socket as DatagramSocket } from 'node:dgram';
import type { ListenOptions as NodeListenOptions, Server } from 'node:net';
import type { Topology } from './handover/handover';
import type { UpgradeHooks } from './overlap-hooks';
import type { Remover } from './restart-environment';
import type { RestartOptions, RestartSettings } from './settings';
import type { BindOptions, ListenOptions } from './sockets/listen-options';
import type { BoundSocket } from './sockets/socket-binder';

/** Where a process is in its life as a generation. */
export type GenerationState =
  /** It has not called `ready()`. */
  | 'starting'
  | 'serving'
  /** A new generation is being started, or watched. */
  | 'upgrading'
  /** A new generation has taken over. */
  | 'replaced'
  /** It stops for another reason. */
  | 'stopping';

/** A generation as plain data. */
export interface RestartStatus {
  readonly state: GenerationState;
  /** The first is 1. */
  readonly generation: number;
  /** Who starts generations; null while nobody has: this process is the first. */
  readonly topology: Topology | null;
  /** The process of the former generation or the supervisor, while it lives. */
  readonly parentPid: number | null;
  /** The process of the next generation, once there is one. */
  readonly successorPid: number | null;
  readonly sockets: readonly BoundSocket[];
}

/** Sockets that outlive the process, and its replacement by a new generation. */
export interface Restart {
  /**
   * Changes the settings given; the others stay.
   * @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_BAD_ENVIRONMENT`; the former settings stay in force
   */
  setup(options: RestartOptions): void;
  /** The settings in force. */
  readonly settings: RestartSettings;
  /**
   * Makes `server` (of node:http, https, http2, net or tls) listen on the socket of that name: the inherited one, where the
   * former generation or systemd has handed one over for the same address, else a new one. Resolves when it listens.
   *
   * @throws LastcallError `LASTCALL_RESTART_BAD_SERVER`, `LASTCALL_BAD_OPTION`, `LASTCALL_SOCKET_NAME_TAKEN`,
   * `LASTCALL_SOCKET_INVALID`, `LASTCALL_SOCKET_IN_USE`, `LASTCALL_HANDOVER_INVALID`; and what the operating system says, such
   * as `EADDRINUSE`. All as rejections.
   */
  listen(server: Server, options: ListenOptions): Promise<BoundSocket>;
  /**
   * The options for a framework's own `listen()`: `{ fd }` of the inherited socket of that name, else what was given. The
   * server that then listens with them is found by itself.
   *
   * @throws LastcallError as {@link Restart.listen}
   */
  listenOptions(
    name: string,
    options: Omit<ListenOptions, 'name' | 'ticketKeys' | 'beforeBegin'>,
  ): NodeListenOptions & { readonly fd?: number };
  /**
   * Binds a datagram socket as {@link Restart.listen} does a server.
   * @throws LastcallError as {@link Restart.listen}
   */
  bind(socket: DatagramSocket, options: BindOptions): Promise<BoundSocket>;
  /**
   * Says that this generation serves: the former one accepts nothing new from now on, and stops. Closes inherited sockets that
   * nobody asked for, and writes the pid file. Waits for calls of `listen()` and `bind()` that are under way. Idempotent.
   *
   * @throws LastcallError `LASTCALL_PID_FILE_NOT_WRITTEN`, and what such a call rejects with; the former generation then
   * serves on
   */
  ready(): Promise<void>;
  /**
   * Replaces this process by a new generation, as SIGHUP does. Resolves when that has taken over for good, and this process
   * stops; whatever goes wrong before, this process serves on, and the call rejects.
   *
   * @param reason - Who wants it: for the log, and the event `upgrade`. Default `call`
   * @throws LastcallError before anything has happened: `LASTCALL_UPGRADE_UNSUPPORTED`, `LASTCALL_UPGRADE_NOT_READY`,
   * `LASTCALL_UPGRADE_IN_PROGRESS`, `LASTCALL_UPGRADE_STOPPING`, `LASTCALL_UPGRADE_REPLACED`,
   * `LASTCALL_UPGRADE_TOO_MANY_GENERATIONS`; then `LASTCALL_UPGRADE_PREFLIGHT_FAILED`, `LASTCALL_UPGRADE_CHECK_FAILED`,
   * `LASTCALL_UPGRADE_HOOK_FAILED`, `LASTCALL_UPGRADE_SPAWN_FAILED`, `LASTCALL_UPGRADE_CHILD_ENDED`,
   * `LASTCALL_UPGRADE_TIMED_OUT`, `LASTCALL_UPGRADE_ROLLED_BACK`; under a supervisor `LASTCALL_UPGRADE_REFUSED`
   */
  upgrade(reason?: string): Promise<{ readonly pid: number }>;
  /**
   * Gives a component a say in upgrades: one that must not run in two generations at once.
   * @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_BAD_LISTENER`
   */
  onUpgrade(hooks: UpgradeHooks): Remover;
  /** Resolves when no former generation is there any more; at once in the first. Never rejects. */
  readonly parentGone: Promise<void>;
  /** Whether this process uses it: whether anything but this was asked of it. Asking changes nothing. */
  readonly isUsed: boolean;
  /** The generation of this process; the first is 1. */
  readonly generation: number;
  /** The generation as it is now, as plain data. */
  status(): RestartStatus;
}
