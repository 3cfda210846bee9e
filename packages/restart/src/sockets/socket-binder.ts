import type { Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Server } from 'node:net';
import { LastcallError } from '@lastcall/proc';
import type { AskedAddress, PassedSocket, SocketKind, SocketRecord } from '../handover/handover';
import type { RestartEnvironment } from '../restart-environment';
import type { InheritedSockets } from './inherited-sockets';
import type { BindOptions, ListenOptions as GivenOptions, Numbered } from './listen-options';
import { NamedDatagramSocket, NamedServer, type NamedSocket } from './named-socket';
import { datagramHandleOf, handleOf, tellPath } from './node-handles';
import { askedOf, formatAddress } from './socket-address';
import { assertPathFree, isFilePath, temporaryPath } from './unix-path';

/** A named socket that is there now. */
export interface BoundSocket {
  readonly name: string;
  /** Where it is bound: `host:port`, `[host]:port` or a path. */
  readonly address: string;
  /** Whether it came from the former generation, or from systemd. */
  readonly inherited: boolean;
}

type ListenOptions = Numbered<GivenOptions>;

/** Puts servers on sockets: on those that were inherited, else on new ones. */
export class SocketBinder {
  readonly #environment: RestartEnvironment;
  readonly #inherited: InheritedSockets;
  readonly #ticketKeys: () => Promise<Readonly<Record<string, string>>>;

  constructor(
    environment: RestartEnvironment,
    inherited: InheritedSockets,
    ticketKeys: () => Promise<Readonly<Record<string, string>>>,
  ) {
    this.#environment = environment;
    this.#inherited = inherited;
    this.#ticketKeys = ticketKeys;
  }

  /** Makes `server` listen; rejects with what the operating system says, as `error` events do. */
  async listen(
    server: Server,
    options: ListenOptions,
  ): Promise<[NamedSocket, PassedSocket | null]> {
    const asked = askedOf(options);
    const kind = options.path === undefined ? 'tcp' : 'unix';
    const passed =
      this.#inherited.take(options.name, kind, asked) ?? this.#inherited.takeActivated(options.fd);
    if (options.ticketKeys) await this.#applyTicketKeys(server, options.name);
    const path = passed?.kind === 'unix' ? passed.address : options.path;
    if (path !== undefined) tellPath(server, path);
    const begin = (): void => options.beforeBegin?.(this.#addressOf(server, passed, asked));
    if (passed !== undefined) await this.#listenOnPassed(server, passed, options, begin);
    else if (options.path !== undefined) await this.#listenOnPath(server, options, begin);
    else await this.#listenOnPort(server, options, begin);
    const { backlog, ticketKeys } = options;
    const record = this.#recordOf(server, options.name, kind, asked, passed);
    return [new NamedServer(server, record, { backlog, ticketKeys }), passed ?? null];
  }

  /** Binds `socket`; rejects with what the operating system says. */
  async bind(
    socket: DatagramSocket,
    { name, port, address, fd }: Numbered<BindOptions>,
  ): Promise<[NamedSocket, PassedSocket | null]> {
    const asked = askedOf({
      ...(port === undefined ? {} : { port }),
      ...(address === undefined ? {} : { host: address }),
    });
    const passed = this.#inherited.take(name, 'udp', asked) ?? this.#inherited.takeActivated(fd);
    const from = passed?.fd ?? fd;
    // On a descriptor it listens before bind() returns.
    const listening = once(socket, 'listening');
    if (from !== undefined) socket.bind({ fd: from });
    else socket.bind({ port, address });
    await listening.catch((thrown) => {
      throw this.#explain(thrown, name, 'restart.bind()');
    });
    const record: SocketRecord = {
      name,
      kind: 'udp',
      asked,
      address: formatAddress(socket.address()),
      inode: this.#inodeOf(datagramHandleOf(socket)?.fd),
      pathInode: null,
      activated: passed?.activated ?? false,
    };
    return [new NamedDatagramSocket(socket, record), passed ?? null];
  }

  async #listenOnPassed(
    server: Server,
    passed: PassedSocket,
    { backlog }: ListenOptions,
    begin: () => void,
  ): Promise<void> {
    // The backlog counts as an argument of its own alone: as an option beside `fd` Node ignores it.
    const listen = () => server.listen({ fd: passed.fd }, backlog as never);
    await listening(server, listen, begin, (cause) => {
      const message = `the socket '${passed.name}' (${passed.address}) was handed over, but cannot be listened on: ${cause.message}`;
      return new LastcallError('LASTCALL_SOCKET_INVALID', message, { cause });
    });
  }

  async #listenOnPort(server: Server, options: ListenOptions, begin: () => void): Promise<void> {
    await listening(
      server,
      () => this.#listenAnew(server, options),
      begin,
      (cause) => this.#explain(cause, options.name, 'restart.listen()'),
    );
  }

  /** The address may be in use by the service itself. */
  #explain(cause: NodeJS.ErrnoException, name: string, call: string): Error {
    if (cause.code !== 'EADDRINUSE') return cause;
    const why = this.#inherited.whyTaken(name);
    if (why === null) {
      // Node's own error stays what it is: nobody knows whether it is one of the service that has the address.
      const { hint } = this.#inherited;
      if (hint !== null) cause.message += ` (the socket '${name}' ${hint})`;
      return cause;
    }
    const message = `the socket '${name}' ${why}: call ${call} before restart.ready()`;
    return new LastcallError('LASTCALL_SOCKET_IN_USE', message, { cause });
  }

  #listenAnew(server: Server, options: ListenOptions): void {
    const { name, ticketKeys, beforeBegin, backlog, fd, ...rest } = options;
    if (fd === undefined) server.listen({ ...rest, ...(backlog === undefined ? {} : { backlog }) });
    else server.listen({ fd }, backlog as never);
  }

  async #listenOnPath(server: Server, options: ListenOptions, begin: () => void): Promise<void> {
    const { path = '' } = options;
    if (!isFilePath(this.#environment, path)) {
      await listening(server, () => this.#listenAnew(server, options), begin);
      return;
    }
    await assertPathFree(this.#environment, path);
    const temporary = temporaryPath(this.#environment, path);
    this.#environment.remove(temporary);
    const publish = (): void => {
      this.#environment.rename(temporary, path);
      begin();
    };
    await listening(
      server,
      () => this.#listenAnew(server, { ...options, path: temporary }),
      publish,
    );
  }

  async #applyTicketKeys(server: Server, name: string): Promise<void> {
    const keys = (await this.#ticketKeys())[name];
    if (keys === undefined) return;
    (server as Server & { setTicketKeys?(keys: Buffer): void }).setTicketKeys?.(
      Buffer.from(keys, 'base64'),
    );
  }

  #recordOf(
    server: Server,
    name: string,
    kind: SocketKind,
    asked: AskedAddress,
    passed: PassedSocket | undefined,
  ): SocketRecord {
    if (passed !== undefined) {
      const { fd, ...record } = passed;
      return { ...record, name, asked };
    }
    const { path } = asked;
    return {
      name,
      kind,
      asked,
      address: this.#addressOf(server, undefined, asked),
      inode: this.#inodeOf(handleOf(server)?.fd),
      pathInode: path === undefined ? null : (this.#environment.stat(path)?.inode ?? null),
      activated: false,
    };
  }

  /** Node does not know the path of a unix socket that it did not bind itself, and of ours the temporary one. */
  #addressOf(server: Server, passed: PassedSocket | undefined, asked: AskedAddress): string {
    return passed?.address ?? asked.path ?? formatAddress(server.address());
  }

  #inodeOf(fd: number | undefined): number {
    return fd === undefined ? 0 : (this.#environment.fstat(fd)?.inode ?? 0);
  }
}

/**
 * Calls `begin` in the turn in which the server listens, so before it can be given a connection.
 *
 * @param explain - What to reject with where it cannot listen; what `begin` throws is the program's, and passed on as it is.
 */
function listening(
  server: Server,
  listen: () => void,
  begin: () => void,
  explain: (error: NodeJS.ErrnoException) => Error = (error) => error,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onListening = (): void => {
      server.off('error', onError);
      try {
        begin();
        resolve();
      } catch (error) {
        server.close();
        reject(error);
      }
    };
    const onError = (error: Error): void => {
      server.off('listening', onListening);
      reject(explain(error));
    };
    server.once('listening', onListening);
    server.once('error', onError);
    try {
      listen();
    } catch (error) {
      server.off('listening', onListening);
      server.off('error', onError);
      reject(explain(error as Error));
    }
  });
}
