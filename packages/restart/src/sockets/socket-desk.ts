import type { Socket as DatagramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { LastcallError } from '@lastcall/proc';
import type { PassedSocket, SocketKind, SocketRecord } from '../handover/handover';
import type { RestartEnvironment } from '../restart-environment';
import { type FrameworkOptions, FrameworkSockets } from './framework-sockets';
import { InheritedSockets } from './inherited-sockets';
import {
  assertBindOptions,
  assertDatagramSocket,
  assertListenOptions,
  assertServer,
  type BindOptions,
  type ListenOptions,
  type Numbered,
  withNumber,
} from './listen-options';
import { NamedServer, type NamedSocket } from './named-socket';
import { NamedSockets } from './named-sockets';
import { bindPath, datagramHandleOf, handleOf, type SocketHandle, tellPath } from './node-handles';
import { askedOf, formatAddress } from './socket-address';
import { type BoundSocket, SocketBinder } from './socket-binder';
import { assertPathFreeNow, isFilePath, removePath, temporaryPath } from './unix-path';

/** What the sockets of a generation need. */
export interface SocketDeskParts {
  readonly environment: RestartEnvironment;
  readonly inherited: readonly PassedSocket[];
  /** Whether there may be other processes of the service: the former generation, or other workers. */
  readonly hasOthers: boolean;
  readonly ticketKeys: () => Promise<Readonly<Record<string, string>>>;
  /** Told of each socket that this process has bound itself. */
  readonly onBound: (socket: NamedSocket, handle: SocketHandle) => void;
  readonly warn: (error: LastcallError) => void;
  /** Told of each server that listens on a socket that was handed over. */
  readonly onTaken: (socket: NamedSocket) => void;
}

/** What `restart.listenOptions()` takes besides the name. */
export type PlainListenOptions = Omit<ListenOptions, 'name' | 'ticketKeys' | 'beforeBegin'>;

/** Every socket of one generation: what it inherited, what it listens on, and what the next one is given. */
export class SocketDesk {
  readonly named: NamedSockets;
  readonly #parts: SocketDeskParts;
  readonly #inherited: InheritedSockets;
  readonly #binder: SocketBinder;
  readonly #frameworks = new FrameworkSockets();
  readonly #pending = new Set<Promise<unknown>>();
  readonly #names = new Map<
    string,
    { readonly record: SocketRecord; readonly inherited: boolean }
  >();
  /** Bound for a framework, whose server shares the descriptor: closing them would close its socket. */
  readonly #lent: unknown[] = [];

  constructor(parts: SocketDeskParts) {
    const { environment, inherited, hasOthers, ticketKeys } = parts;
    this.#parts = parts;
    this.named = new NamedSockets(environment);
    this.#inherited = new InheritedSockets(environment, inherited, hasOthers);
    this.#binder = new SocketBinder(environment, this.#inherited, ticketKeys);
  }

  listen(server: Server, given: ListenOptions): Promise<BoundSocket> {
    assertServer(server);
    const options: ListenOptions = withNumber(given);
    assertListenOptions('restart.listen()', options);
    return this.#add(options.name, async () => {
      const [socket, passed] = await this.#binder.listen(server, options);
      if (passed === null) this.#announce(socket, server);
      else this.#parts.onTaken(socket);
      return [socket, passed];
    });
  }

  bind(socket: DatagramSocket, given: BindOptions): Promise<BoundSocket> {
    assertDatagramSocket(socket);
    const options: BindOptions = withNumber(given);
    assertBindOptions('restart.bind()', options);
    return this.#add(options.name, async () => {
      const [named, passed] = await this.#binder.bind(socket, options);
      const handle = passed === null ? datagramHandleOf(socket) : null;
      if (handle !== null) this.#parts.onBound(named, handle);
      return [named, passed];
    });
  }

  listenOptions(name: string, given: PlainListenOptions): FrameworkOptions {
    const options = withNumber(given);
    assertListenOptions('restart.listenOptions()', { ...options, name });
    this.named.claim(name);
    try {
      return this.#optionsFor(name, options as Numbered<PlainListenOptions>);
    } catch (error) {
      this.named.release(name);
      throw error;
    }
  }

  /** Waits for calls that are under way; rejects as they do. */
  async settle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Closes what was inherited and nobody asked for. @returns what the others were called when they were handed over */
  closeUnclaimed(): readonly string[] {
    const closed = this.#inherited.closeUnclaimed();
    // What systemd has opened stays open there: to close it here refuses nobody.
    for (const socket of closed.filter(({ activated }) => activated))
      this.#parts.warn(notAskedFor(socket));
    return this.#inherited.taken;
  }

  /** Removes the paths of those unix sockets that `isMeant`, unless systemd made them or somebody else has the name by now. */
  removePaths(isMeant: (name: string, inherited: boolean) => boolean): void {
    for (const [name, { record, inherited }] of this.#names) {
      if (record.activated || !isMeant(name, inherited)) continue;
      removePath(this.#parts.environment, record.address, record.pathInode);
    }
  }

  list(): BoundSocket[] {
    return this.named.open.map(({ record }) => this.#toBound(record));
  }

  async #add(
    name: string,
    open: () => Promise<[NamedSocket, PassedSocket | null]>,
  ): Promise<BoundSocket> {
    this.named.claim(name);
    const opening = open();
    this.#pending.add(opening);
    try {
      const [socket, passed] = await opening;
      this.#remember(socket, passed?.name ?? null);
      return this.#toBound(socket.record);
    } catch (error) {
      this.named.release(name);
      throw error;
    } finally {
      this.#pending.delete(opening);
    }
  }

  /** @param formerName - What it was called when it was handed over; null when it was not */
  #remember(socket: NamedSocket, formerName: string | null): void {
    this.named.add(socket, formerName);
    const inherited = formerName !== null;
    this.#names.set(socket.record.name, { record: socket.record, inherited });
  }

  #toBound(record: SocketRecord): BoundSocket {
    const { name, address } = record;
    return { name, address, inherited: this.#names.get(name)?.inherited ?? false };
  }

  #announce(socket: NamedSocket, server: Server): void {
    const handle = handleOf(server);
    if (handle !== null) this.#parts.onBound(socket, handle);
  }

  #optionsFor(name: string, options: Numbered<PlainListenOptions>): FrameworkOptions {
    const asked = askedOf(options);
    const kind: SocketKind = options.path === undefined ? 'tcp' : 'unix';
    const passed =
      this.#inherited.take(name, kind, asked) ?? this.#inherited.takeActivated(options.fd);
    if (passed !== undefined) {
      const { fd, ...record } = passed;
      // The host as it was: a framework that misses one may listen on others besides.
      const found = { fd, ...(options.host === undefined ? {} : { host: options.host }) };
      const describe = (): SocketRecord => ({ ...record, name, asked });
      this.#expect(name, found, unixPath(record), describe, record.name);
      return found;
    }
    const { path } = options;
    const isFile = path !== undefined && isFilePath(this.#parts.environment, path);
    const given = isFile ? this.#bindPath(path) : (withoutUndefined(options) as FrameworkOptions);
    this.#expect(name, given, path, (server) => this.#recordOf(name, kind, asked, server), null);
    return given;
  }

  /** A framework would bind the path itself, and libuv remove it under the next generation. */
  #bindPath(path: string): FrameworkOptions {
    const { environment } = this.#parts;
    assertPathFreeNow(environment, path);
    const temporary = temporaryPath(environment, path);
    environment.remove(temporary);
    const handle = bindPath(temporary);
    if (typeof handle === 'number')
      throw new LastcallError(
        'LASTCALL_SOCKET_IN_USE',
        `the socket ${path} cannot be bound (libuv error ${handle})`,
      );
    environment.rename(temporary, path);
    this.#lent.push(handle);
    return { fd: handle.fd };
  }

  #expect(
    name: string,
    options: FrameworkOptions,
    path: string | undefined,
    describe: (server: Server) => SocketRecord,
    formerName: string | null,
  ): void {
    this.#frameworks.expect(name, options, (server) => {
      if (path !== undefined) tellPath(server, path);
      server.once('listening', () => {
        const socket = new NamedServer(server, describe(server));
        this.#remember(socket, formerName);
        if (formerName === null) this.#announce(socket, server);
      });
    });
  }

  #recordOf(
    name: string,
    kind: SocketKind,
    asked: SocketRecord['asked'],
    server: Server,
  ): SocketRecord {
    const { environment } = this.#parts;
    const fd = handleOf(server)?.fd ?? -1;
    return {
      name,
      kind,
      asked,
      address: asked.path ?? formatAddress(server.address()),
      inode: environment.fstat(fd)?.inode ?? 0,
      pathInode: asked.path === undefined ? null : (environment.stat(asked.path)?.inode ?? null),
      activated: false,
    };
  }
}

function notAskedFor({ name, address }: PassedSocket): LastcallError {
  return new LastcallError(
    'LASTCALL_SOCKET_NOT_ASKED_FOR',
    `systemd has opened the socket '${name}' (${address}), and the program did not ask for it before restart.ready(): ` +
      'who connects to it waits in vain; ask for it by that name, or say in its .socket unit which one it is (FileDescriptorName=)',
  );
}

function unixPath({ kind, address }: Omit<SocketRecord, 'name' | 'asked'>): string | undefined {
  return kind === 'unix' ? address : undefined;
}

/** As it was given: a framework may tell an option that is undefined from one that is not there. */
function withoutUndefined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
