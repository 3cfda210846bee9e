import type { SocketSet } from '../drain/socket-set';
import type { MongoOperation, MongoPool, MongoServer, MongoTopology } from './mongo-client';
import type { RunningOperation } from './session-work';
import { trackSockets } from './track-sockets';

/** Who is told of each operation that goes to a server. */
export interface OperationObserver {
  /**
   * It is about to ask for a connection.
   * @returns undefined for one that is not followed
   * @throws what it is refused with
   */
  begin(operation: MongoOperation, server: MongoServer): RunningOperation | undefined;
  answered(operation: RunningOperation): void;
  failed(operation: RunningOperation, error: unknown): void;
}

/** Follows what a client does at its servers, which come and go. */
export class WatchedServers {
  readonly #observer: OperationObserver;
  readonly #sockets: SocketSet;
  readonly #undo = new Map<MongoServer, readonly (() => void)[]>();

  /** @param sockets - Gets those of connections that are made from now on. */
  constructor(observer: OperationObserver, sockets: SocketSet) {
    this.#observer = observer;
    this.#sockets = sockets;
  }

  /** Takes note of servers that are new. */
  watch(topology: MongoTopology | undefined): void {
    for (const server of topology?.s.servers.values() ?? []) {
      if (this.#undo.has(server)) continue;
      const undo = [watchServer(server, this.#observer), trackSockets(server, this.#sockets)];
      this.#undo.set(server, undo);
    }
  }

  undo(): void {
    for (const undo of [...this.#undo.values()].flat()) undo();
    this.#undo.clear();
  }
}

function watchServer(server: MongoServer, observer: OperationObserver): () => void {
  const { pool, command } = server;
  const { checkOut } = pool;
  /** Whose checkout it is: `command()` asks for it in the same turn. */
  let asking: RunningOperation | undefined;

  function watchedCommand(operation: MongoOperation, timeoutContext: unknown): Promise<unknown> {
    let begun: RunningOperation | undefined;
    try {
      begun = observer.begin(operation, server);
    } catch (error) {
      return Promise.reject(error);
    }
    if (begun === undefined) return command.call(server, operation, timeoutContext);
    const watched = begun;
    asking = watched;
    const answer = command.call(server, operation, timeoutContext);
    asking = undefined;
    answer.then(
      () => observer.answered(watched),
      (error) => observer.failed(watched, error),
    );
    return answer;
  }

  function watchedCheckOut(options: unknown): ReturnType<MongoPool['checkOut']> {
    const operation = asking;
    const coming = checkOut.call(pool, options);
    if (operation !== undefined)
      coming.then(
        (connection) => {
          operation.connection = connection;
        },
        () => {},
      );
    return coming;
  }

  server.command = watchedCommand;
  pool.checkOut = watchedCheckOut;
  return () => {
    if (server.command === watchedCommand) Reflect.deleteProperty(server, 'command');
    if (pool.checkOut === watchedCheckOut) Reflect.deleteProperty(pool, 'checkOut');
  };
}
