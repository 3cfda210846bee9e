import { absorbErrors } from '../drain/absorb-errors';
import type { DrainDriver } from '../drain/drain-driver';
import type { DrainFeed } from '../drain/drain-feed';
import { joinClose } from '../drain/joined-close';
import { isBlocking, isClientsOwn } from './client-commands';
import type { OpenIoredis, RedisCommand } from './ioredis-client';
import { OpenTransaction } from './open-transaction';
import { RedisConnections } from './redis-connections';
import { unblockClient } from './unblock-client';

/**
 * What a client of ioredis does for its drain. A unit of work is a command; ioredis keeps a list of those itself, so nothing
 * is done per command before the drain.
 */
export function connectIoredis(
  client: OpenIoredis,
  feed: DrainFeed<RedisCommand>,
): DrainDriver<RedisCommand> {
  const connections = new RedisConnections(client);
  const known = new WeakSet<RedisCommand>();
  const ended = new AbortController();
  let isDestroyed = false;
  const transaction = new OpenTransaction(client, () => feed.drained !== undefined);
  const ownQuit = joinClose(client, 'quit', feed, 'OK');

  /** @param begin - Tells of it: as of one that begins now, or has begun. */
  function track(command: RedisCommand, begin: (command: RedisCommand) => void): void {
    if (known.has(command)) return;
    known.add(command);
    begin(command);
    command.promise.then(
      () => feed.end(command),
      (error: Error) => {
        // Whatever the server says is an answer; after anything else it may have done the command, or not.
        if (error.name !== 'ReplyError') feed.lost(command, 'outcome unknown');
        feed.end(command);
      },
    );
  }

  function trackTransaction(): void {
    const { work } = transaction;
    if (work === undefined) return;
    feed.adopt(work);
    void work.promise.then((outcome) => {
      if (outcome !== 'finished') feed.lost(work, outcome);
      feed.end(work);
    });
  }

  /** A client that connects sends commands of its own. */
  function isHandshake(): boolean {
    return client.status === 'connect' && client.condition?.handshake !== false;
  }

  /** Without a listener ioredis prints errors; those of connections that end are expected in a stop. */
  function hearErrors(): void {
    absorbErrors(client, (error) => feed.warn('a connection', error));
  }

  function hasEnded(): boolean {
    return client.status === 'end';
  }

  function gate(): void {
    const original = client.sendCommand;
    client.sendCommand = function sendCommand(command, ...rest) {
      if (known.has(command) || isClientsOwn(command) || isHandshake())
        return original.call(client, command, ...rest);
      try {
        if (transaction.work === undefined) feed.admit();
      } catch (error) {
        command.reject(error as Error);
        return command.promise;
      }
      track(command, (begun) => feed.begin(begun));
      return original.call(client, command, ...rest);
    };
  }

  function commandsInFlight(): RedisCommand[] {
    return [...connections.commands()].filter((command) => !isClientsOwn(command));
  }

  function inFlight(): RedisCommand[] {
    const { work } = transaction;
    return work === undefined ? commandsInFlight() : [work, ...commandsInFlight()];
  }

  /** What only waits for something to come is over: the application gets null, as at a timeout. */
  function unblock(commands: readonly RedisCommand[], signal: AbortSignal): Promise<unknown> {
    const waiting = connections.waitingFor(new Set(commands.filter(isBlocking)));
    return Promise.all(waiting.map(({ node, id }) => unblockClient(node, id, signal)));
  }

  return {
    name: 'ioredis',
    unit: 'command',
    inFlight,

    hearErrors,

    beginDrain() {
      hearErrors();
      connections.keepSockets();
      const commands = commandsInFlight();
      for (const command of commands) track(command, (begun) => feed.adopt(begun));
      trackTransaction();
      gate();
      unblock(commands, ended.signal).catch(ignore);
    },

    look(command) {
      if (transaction.isOne(command)) return { state: 'in transaction', command: command.name };
      const connection = connections.idFor(command);
      return {
        state: connections.isQueued(command) ? 'queued' : 'running',
        command: command.name,
        ...(connection === undefined ? {} : { connection }),
      };
    },

    cancel: unblock,

    judge(command, end) {
      if (end === 'released') return 'finished';
      if (command === transaction.work) return 'rolled back';
      return connections.isQueued(command) ? 'cut' : 'outcome unknown';
    },

    // All at once, whichever command it is for.
    destroy(_command, reason) {
      if (isDestroyed) return;
      isDestroyed = true;
      ended.abort();
      connections.destroy(reason);
    },

    async close() {
      ended.abort();
      connections.keepSockets();
      if (hasEnded() || isDestroyed) return;
      if (client.status !== 'ready') {
        client.disconnect();
        return;
      }
      try {
        await ownQuit.close();
      } catch (error) {
        // The application was first.
        if (!hasEnded()) throw error;
      }
    },

    socketsClosed: () => connections.sockets.closed(),
    destroySockets: (reason) => connections.destroy(reason),

    counts() {
      const nodes = connections.nodes().filter(({ status }) => !NOT_CONNECTED.has(status));
      const idle = nodes.filter(
        ({ status, commandQueue }) => status === 'ready' && !commandQueue?.length,
      );
      return { total: nodes.length, idle: idle.length };
    },

    restore() {
      ownQuit.undo();
      transaction.restore();
      connections.release();
    },
  };
}

const NOT_CONNECTED: ReadonlySet<string> = new Set(['wait', 'end', 'close', 'reconnecting']);

function ignore(): void {}
