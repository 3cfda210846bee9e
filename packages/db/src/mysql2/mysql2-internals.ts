import type { Mysql2Command, Mysql2Connection, Mysql2Packet, Mysql2Queue } from './mysql2-pool';
import { isError } from './server-status';

interface PacketParser {
  /** Since mysql2 3.24: the message that was read last. Older versions make a new one each time. */
  readonly _reusablePacket?: Mysql2Packet;
}

/** A command as an emitter of events. */
interface Mysql2Emitter {
  /** The callback. */
  readonly onResult?: unknown;
  listenerCount(event: string): number;
  emit(event: string, error: Error): unknown;
}

/** What mysql2 keeps on a connection and does not document. */
interface ConnectionInternals {
  _command?: Mysql2Command | null;
  /** Those behind it. */
  readonly _commands?: Mysql2Queue<Mysql2Command>;
  /** How many messages the current command has exchanged. */
  readonly sequenceId?: number;
  readonly packetParser?: PacketParser;
  /** With compression: that of the messages within. */
  readonly _inflatedPacketsParser?: PacketParser;
  /** Null when it was destroyed or lost. */
  readonly _pool?: object | null;
  /** Of connections of pools: has the pool forget it. */
  _removeFromPool?(): void;
  /** Of connections of pools: `end()` of those that have none. */
  _realEnd?(): void;
  handlePacket(packet?: Mysql2Packet): void;
  _notifyError(error: Error): void;
}

/** A class of connections that belong to no pool. */
export type ConnectionClass = new (options: { config: object }) => Mysql2Connection;

// The only file that reads what mysql2 keeps and does not document. A test per field fails when a version moves one.

/** The command that runs on `connection`. */
export function currentCommand(connection: Mysql2Connection): Mysql2Command | undefined {
  return internals(connection)._command ?? undefined;
}

/** The text of a command, without its values. */
export function textOf({
  sql,
  query,
  _queryOptions,
  statement,
}: Mysql2Command): string | undefined {
  const text = [_queryOptions?.sql, sql, query, statement?.query].find(
    (text) => typeof text === 'string',
  );
  return text as string | undefined;
}

/** Statements, running or queued, of which the application hears by events only: streams, for one. */
export function statementsWithoutCallback(connection: Mysql2Connection): Mysql2Emitter[] {
  const { _command, _commands } = internals(connection);
  const commands = [_command, ...(_commands?.toArray() ?? [])];
  return commands
    .filter((command) => command && textOf(command) !== undefined)
    .map((command) => command as unknown as Mysql2Emitter)
    .filter((command) => command.onResult === undefined && command.listenerCount('error') > 0);
}

/** Whether `command` only prepares a statement: nothing has run when it ends. */
export function isPrepare({ query }: Mysql2Command): boolean {
  return query !== undefined;
}

/** The server's last message before the command that runs now. Undefined where mysql2 does not have it any more. */
export function lastMessage(connection: Mysql2Connection): Mysql2Packet | undefined {
  const { packetParser, _inflatedPacketsParser, sequenceId } = internals(connection);
  const isAnswered = currentCommand(connection) !== undefined && sequenceId !== 1;
  if (isAnswered) return undefined;
  return (_inflatedPacketsParser ?? packetParser)?._reusablePacket;
}

/**
 * Has `onEnd` called with the last message of each command from now on: with an error before mysql2 hears of it, as
 * `pool.query()` releases its connection then, otherwise after it.
 *
 * @returns what undoes it
 */
export function onCommandEnd(
  connection: Mysql2Connection,
  onEnd: (command: Mysql2Command, last: Mysql2Packet) => void,
): () => void {
  const target = internals(connection);
  const { handlePacket } = target;

  target.handlePacket = function handle(packet) {
    const command = currentCommand(connection);
    const isAnswer = packet !== undefined && command !== undefined;
    const isFailure = isAnswer && isError(packet);
    if (isFailure) onEnd(command, packet);
    handlePacket.call(this, packet);
    if (isAnswer && !isFailure && currentCommand(connection) !== command) onEnd(command, packet);
  };
  return () => Reflect.deleteProperty(target, 'handlePacket');
}

/**
 * Has `onLost` called before mysql2 fails what runs on a connection that is gone. Its error does not crash the process where
 * nobody listens any more: Knex takes all listeners away from a connection that it has closed, ours among them, and its
 * server may be silent.
 *
 * @returns what undoes it
 */
export function beforeLoss(connection: Mysql2Connection, onLost: () => void): () => void {
  const target = internals(connection);
  const { _notifyError } = target;

  target._notifyError = function notify(error) {
    onLost();
    connection.on('error', () => {});
    _notifyError.call(this, error);
  };
  return () => Reflect.deleteProperty(target, '_notifyError');
}

/**
 * Whether a command waits for the first of its answer, or for its turn. One that has just ended is still the current one when
 * `pool.query()` releases its connection.
 */
export function isBusy(connection: Mysql2Connection): boolean {
  const { _command, _commands, sequenceId } = internals(connection);
  if (_commands !== undefined && _commands.length > 0) return true;
  return Boolean(_command) && sequenceId === 1;
}

/** The commands by which {@link isBusy} says so. */
export function busyCommands(connection: Mysql2Connection): Mysql2Command[] {
  const { _command, _commands, sequenceId } = internals(connection);
  const waiting = _commands?.toArray() ?? [];
  return _command && sequenceId === 1 ? [_command, ...waiting] : waiting;
}

/** Whether a statement runs on `connection`, or waits there: all that counts where the pool has closed it already. */
export function runsStatement(connection: Mysql2Connection): boolean {
  return busyCommands(connection).some((command) => textOf(command) !== undefined);
}

/** Whether the pool still counts `connection` as its own. */
export function belongsToPool(connection: Mysql2Connection): boolean {
  return Boolean(internals(connection)._pool);
}

/** Takes an idle connection out of its pool, and closes it in the server's way: it is not destroyed. */
export function closeIdleConnection(connection: Mysql2Connection): void {
  const target = internals(connection);
  // What runs, or waits to, would have to be waited for.
  if (isBusy(connection) || currentCommand(connection) !== undefined) return;
  // Where a version has none of it, the pool's own end closes it.
  if (target._removeFromPool === undefined || target._realEnd === undefined) return;
  target._removeFromPool();
  target._realEnd();
}

/** The class of `connection`; of one of a pool, that without a pool. */
export function connectionClass(connection: Mysql2Connection): ConnectionClass {
  const own = connection.constructor;
  // Only connections of pools have this.
  return ('_realEnd' in connection ? Object.getPrototypeOf(own) : own) as ConnectionClass;
}

function internals(connection: Mysql2Connection): ConnectionInternals {
  return connection as unknown as ConnectionInternals;
}
