import { absorbErrors } from '../drain/absorb-errors';
import type { DrainDriver } from '../drain/drain-driver';
import type { DrainFeed } from '../drain/drain-feed';
import { gateWork } from './gated-work';
import { joinEnds } from './join-ends';
import { isSingle, type OpenRedis } from './redis-client';
import { isBlocking, isClientsOwn, RedisWork, wordOf } from './redis-work';
import { unblockConnection } from './unblock-connection';

/** Names of what is not one command. */
const METHOD_NAMES: Readonly<Record<string, string>> = {
  _execute: 'command',
  _executeMulti: 'multi',
  _executePipeline: 'pipeline',
  execute: 'task',
};

/** What a client was doing before it had a drain. */
interface EarlyWork {
  /** Whether some of it may go on. */
  isThere(): boolean;
  readonly over: Promise<void>;
}

const NO_EARLY_WORK: EarlyWork = { isThere: () => false, over: Promise.resolve() };

/** What a client of redis does for its drain. A unit of work is a call: a command, a transaction, a task of a pool. */
export function connectRedis(
  client: OpenRedis,
  feed: DrainFeed<RedisWork>,
): DrainDriver<RedisWork> {
  const isOneConnection = isSingle(client);
  const ended = new AbortController();
  const open = new Set<RedisWork>();
  let readies = 0;
  /** What the server calls the connection. */
  let id: number | undefined;
  let isDestroyed = false;

  function begin(
    method: string,
    args: readonly unknown[],
  ): ((error?: unknown) => void) | undefined {
    const command = method === 'sendCommand' ? wordOf(args[0]) : '';
    if (isClientsOwn(command)) return undefined;
    feed.admit();
    const name = METHOD_NAMES[method] ?? (command || 'command').toLowerCase();
    const isReady = client.isReady ?? true;
    const blocks = isBlocking(command, args[0]);
    const work = new RedisWork(name, blocks, isReady ? undefined : readies);
    open.add(work);
    feed.begin(work);
    return (error) => {
      open.delete(work);
      if (error !== undefined && !isAnswer(error)) feed.lost(work, outcomeOf(work));
      feed.end(work);
    };
  }

  /** It has never had a connection that it could have been sent on. */
  function isQueued({ notReadySince }: RedisWork): boolean {
    return notReadySince !== undefined && notReadySince === readies && client.isReady === false;
  }

  function outcomeOf(work: RedisWork): 'cut' | 'outcome unknown' {
    return isQueued(work) ? 'cut' : 'outcome unknown';
  }

  /** Before what waits for the connection is sent: behind a blocking read the question would wait with it. */
  function learnId(): void {
    readies++;
    if (isOneConnection) void askForId({ asap: true });
  }

  function askForId(options: object): Promise<void> {
    id = undefined;
    return client.sendCommand(['CLIENT', 'ID'], options).then(
      (answer) => {
        id = Number(answer);
      },
      () => {},
    );
  }

  /** Commands that had begun before: nobody has a list of them, but the server answers in turn, and so the question last. */
  function watchEarlyWork(): EarlyWork {
    if (!isOneConnection) {
      // Of a pool, what is in use when nothing that is known is open; of a cluster its close says it.
      const mayHave = (): boolean => open.size === 0 && (client.clientsInUse ?? 1) > 0;
      return client.isOpen ? { isThere: mayHave, over: Promise.resolve() } : NO_EARLY_WORK;
    }
    if (!client.isOpen) return NO_EARLY_WORK;
    let isThere = true;
    const over = askForId({}).then(() => {
      isThere = false;
    });
    return { isThere: () => isThere, over };
  }

  async function unblock(works: Iterable<RedisWork>, signal: AbortSignal): Promise<void> {
    const waits = [...works].some((work) => work.isBlocking && !isQueued(work));
    if (waits && id !== undefined) await unblockConnection(client, id, signal);
  }

  /** Without a listener an error of a connection that ends would crash the process. */
  function hearErrors(): void {
    absorbErrors(innerOf(client), (error) => feed.warn('a connection', error));
  }

  function destroy(): void {
    isDestroyed = true;
    ended.abort();
    try {
      if (client.isOpen) client.destroy();
    } catch {
      // redis 5 throws at a client that closes already: it has destroyed its socket then.
    }
  }

  client.on('ready', learnId);
  const early = watchEarlyWork();
  const undoGate = gateWork(client, begin);
  const ends = joinEnds(client, feed);

  return {
    name: 'redis',
    unit: isOneConnection ? 'command' : 'task',

    hearErrors,

    beginDrain() {
      hearErrors();
      unblock(open, ended.signal).catch(() => {});
    },

    look: (work) => ({
      state: isQueued(work) ? 'queued' : 'running',
      command: work.name,
      ...(id === undefined ? {} : { connection: id }),
    }),

    cancel: unblock,
    judge: (work, end) => (end === 'released' ? 'finished' : outcomeOf(work)),
    destroy,

    get closeWaitsForMore() {
      return early.isThere();
    },

    async close() {
      ended.abort();
      // Not behind a close that was begun: redis 5 cannot cut that short.
      if (client.isOpen && !isDestroyed) await early.over;
      if (!client.isOpen || isDestroyed) return;
      // A client without a connection would wait for one before it closes.
      if (client.isReady === false) destroy();
      else await ends.close();
    },

    // Its sockets are its own, and end with it.
    socketsClosed: () => Promise.resolve(),
    destroySockets: destroy,

    counts() {
      const { totalClients, idleClients } = client;
      if (totalClients !== undefined) return { total: totalClients, idle: idleClients ?? 0 };
      const isIdle = client.isReady !== false && open.size === 0;
      return { total: client.isOpen ? 1 : 0, idle: client.isOpen && isIdle ? 1 : 0 };
    },

    restore() {
      undoGate();
      ends.undo();
      client.off('ready', learnId);
    },
  };
}

/** What emits: the object that the application holds may have listeners of its own, of which that one knows nothing. */
function innerOf(client: OpenRedis): OpenRedis {
  return (client._self ?? client) as unknown as OpenRedis;
}

/** Whether the server has answered, if only with an error. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && /ErrorReply$|^MultiErrorReply$|^WatchError$/.test(nameOf(error));
}

function nameOf(error: Error): string {
  return Object.getPrototypeOf(error)?.constructor?.name ?? error.name;
}
