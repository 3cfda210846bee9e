import { LastcallError } from '@lastcall/proc';
import type { MongoCursor, MongoServer, MongoTopology, OpenMongoClient } from './mongo-client';
import { withLabels } from './with-labels';

/** What a change stream that looks for a server to go on at calls its wait. */
const RESUME = 'reconnect topology in change stream';

/** The change streams and tailable cursors of a client: they wait for what comes, for ever, until the drain ends them. */
export interface EndlessCursors {
  /** They end from now on, whatever they are at: none crashes a process that does not listen for its errors. */
  beginDrain(): void;
  /** The client's servers are known. */
  watch(topology: MongoTopology | undefined): void;
  /** @throws when `owner` is one that would begin now */
  admit(owner: unknown): void;
  undo(): void;
}

export function watchEndlessCursors(client: OpenMongoClient): EndlessCursors {
  const { activeCursors } = client.s;
  const resuming = new Map<MongoTopology, () => void>();
  let isDraining = false;

  function watchedAdd(cursor: MongoCursor): typeof activeCursors {
    if (isEndless(cursor)) endQuietly(cursor, () => isDraining);
    return Set.prototype.add.call(activeCursors, cursor) as typeof activeCursors;
  }

  function watch(topology: MongoTopology | undefined): void {
    if (!isDraining || topology === undefined || resuming.has(topology)) return;
    resuming.set(topology, answerResumes(topology));
  }

  for (const cursor of activeCursors) watchedAdd(cursor);
  activeCursors.add = watchedAdd;

  return {
    watch,
    beginDrain() {
      isDraining = true;
      watch(client.topology);
    },
    admit(owner) {
      if (isDraining && isEndless(owner)) throw streamEnds();
    },
    undo() {
      if (activeCursors.add === watchedAdd) Reflect.deleteProperty(activeCursors, 'add');
      for (const undo of resuming.values()) undo();
    },
  };
}

/** A change stream, or a tailable cursor, waits for what comes, for ever. */
export function isEndless(cursor: unknown): cursor is MongoCursor {
  if (typeof cursor !== 'object' || cursor === null) return false;
  if (cursor.constructor.name === 'ChangeStreamCursor') return true;
  return (cursor as Partial<MongoCursor>).cursorOptions?.tailable === true;
}

/**
 * For whoever waits in a change stream, and can go on after its last token elsewhere. The driver's streams end without an error
 * where they read that an "operation was interrupted"; others would crash a process that does not listen for errors.
 */
export function streamEnds(): Error {
  const message = 'the process stops, and its mongodb client drains: the operation was interrupted';
  return withLabels(new LastcallError('LASTCALL_DB_DRAINING', message));
}

/** Whatever its opening or its next batch fails with once the drain has begun, `cursor` ends as one that was interrupted. */
function endQuietly(cursor: MongoCursor, isDraining: () => boolean): void {
  function rethrow(error: unknown): never {
    throw isDraining() ? streamEnds() : error;
  }
  for (const step of ['_initialize', 'getMore'] as const) {
    // A cursor that is begun again is added again.
    if (Object.hasOwn(cursor, step)) continue;
    const original = cursor[step];
    cursor[step] = (...args) => original.apply(cursor, args).catch(rethrow);
  }
}

/**
 * A change stream that has lost its server, and looks for another one to go on at, would fail with what it was lost with. Told
 * that there is one, it makes a cursor, which is refused.
 */
function answerResumes(topology: MongoTopology): () => void {
  const { selectServer } = topology;
  const [server] = topology.s.servers.values();

  function answered(selector: unknown, options: { operationName?: string }): Promise<MongoServer> {
    if (options.operationName === RESUME) return Promise.resolve(server as MongoServer);
    return selectServer.call(topology, selector, options);
  }

  for (const waiter of topology.waitQueue) {
    if (waiter.operationName !== RESUME) continue;
    waiter.cancelled = true;
    waiter.resolve(server);
  }
  topology.selectServer = answered;
  return () => {
    if (topology.selectServer === answered) Reflect.deleteProperty(topology, 'selectServer');
  };
}
