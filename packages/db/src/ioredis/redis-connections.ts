import { SocketSet } from '../drain/socket-set';
import type { OpenIoredis, RedisCommand, RedisNode } from './ioredis-client';

/** The connections of a client: its own one, or those of a cluster. */
export class RedisConnections {
  readonly sockets: SocketSet = new SocketSet();
  readonly #client: OpenIoredis;
  /** What the server calls each connection, for as long as it lasts. */
  readonly #ids = new WeakMap<RedisNode, number>();
  readonly #undo: (() => void)[] = [];

  constructor(client: OpenIoredis) {
    this.#client = client;
    const onNode = (node: RedisNode): void => this.#learnId(node);
    if (client.nodes !== undefined) this.#listen(client, '+node', onNode);
    for (const node of this.nodes()) this.#learnId(node);
  }

  nodes(): RedisNode[] {
    return this.#client.nodes?.('all') ?? [this.#client];
  }

  /** Every command that was sent, and those that wait for a connection. */
  *commands(): Generator<RedisCommand> {
    const waiting = this.#client.nodes === undefined ? [] : commandsOf(this.#client.offlineQueue);
    yield* waiting;
    for (const node of this.nodes()) {
      yield* commandsOf(node.commandQueue);
      yield* commandsOf(node.offlineQueue);
      yield* unfulfilledOf(node);
    }
  }

  /** Whether `command` has not been sent yet. */
  isQueued(command: RedisCommand): boolean {
    const queues = [this.#client, ...this.nodes()].map(({ offlineQueue }) => offlineQueue);
    return queues.some((queue) => commandsOf(queue).includes(command));
  }

  /** The connections that have sent one of `commands`, and wait for its answer, with what the server calls them. */
  waitingFor(commands: ReadonlySet<RedisCommand>): { node: RedisNode; id: number }[] {
    return this.nodes().flatMap((node) => {
      const id = this.#ids.get(node);
      const isWaiting = commandsOf(node.commandQueue).some((command) => commands.has(command));
      return id === undefined || !isWaiting ? [] : [{ node, id }];
    });
  }

  /** What the server calls the connection that has sent `command`. */
  idFor(command: RedisCommand): number | undefined {
    return this.waitingFor(new Set([command]))[0]?.id;
  }

  /** Keeps the sockets that there are. */
  keepSockets(): void {
    for (const { stream } of this.nodes()) if (stream) this.sockets.add(stream);
  }

  /** Ends every connection, also those that are being made, and fails what waits for an answer. */
  destroy(reason: Error): void {
    this.keepSockets();
    for (const node of new Set<RedisNode>([this.#client, ...this.nodes()])) {
      node.disconnect();
      node.flushQueue?.(reason);
      // ioredis forgets them: they would never settle.
      for (const command of unfulfilledOf(node)) command.reject(reason);
      node.prevCommandQueue?.clear();
    }
    this.sockets.destroy();
  }

  release(): void {
    for (const undo of this.#undo) undo();
  }

  /** One command per connection; where it is not allowed, a blocking read is not ended at the server. */
  #learnId(node: RedisNode): void {
    const ask = (): void => {
      this.#ids.delete(node);
      node.client('ID').then(
        (id) => this.#ids.set(node, Number(id)),
        () => {},
      );
    };
    // Before what waits for the connection is sent: behind a blocking read the question would wait with it.
    this.#listen(node, 'connect', ask);
    if (node.status === 'ready' || node.status === 'connect') ask();
  }

  #listen(node: RedisNode, event: string, listener: (node: RedisNode) => void): void {
    node.on(event, listener);
    this.#undo.push(() => node.off(event, listener));
  }
}

/** What the connection before has left unanswered: from the next connection on it is in no other queue. */
function unfulfilledOf({ commandQueue, prevCommandQueue }: RedisNode): RedisCommand[] {
  return prevCommandQueue === commandQueue ? [] : commandsOf(prevCommandQueue);
}

function commandsOf(queue: RedisNode['prevCommandQueue']): RedisCommand[] {
  if (queue === undefined || queue === null || queue.length === 0) return [];
  return queue.toArray().map(({ command }) => command);
}
