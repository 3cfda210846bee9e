import type { Job, OpenWorker } from './bullmq-worker';

// The only file that reads what BullMQ does not document; BullMQ 5 keeps it on the worker, 6 on its backend.

interface Client {
  readonly stream?: { destroy(): unknown } | undefined;
  readonly connector?: Connector;
  disconnect?(): unknown;
}

interface Connector {
  connecting: boolean;
  readonly stream?: { readonly destroyed: boolean } | undefined;
  disconnect(): unknown;
}

interface Connection {
  on(event: 'error', listener: () => void): unknown;
  removeAllListeners(): unknown;
  readonly _client?: Client | undefined;
  /** The application has made the client, and closes it. */
  readonly extraOptions?: { readonly shared?: boolean };
}

interface Connections {
  readonly connection?: Connection;
  readonly blockingConnection?: Connection;
}

interface Internals extends Connections {
  readonly backend?: Connections;
  readonly lockManager?: {
    close?(): Promise<void>;
    readonly trackedJobs?: ReadonlyMap<string, RunningJob>;
  };
  readonly Job?: { fromId(worker: object, id: string): Promise<Job | undefined> };
  readonly extendLocksTimer?: NodeJS.Timeout | null;
  readonly stalledCheckTimer?: NodeJS.Timeout;
  readonly stalledCheckStopper?: () => void;
  abortDelayController?: { abort(): void } | null;
  readonly childPool?: ChildPool;
}

/** A job that the worker is at, as it keeps it to renew its lock. */
export interface RunningJob {
  readonly token: string;
  /** `Date.now()` when the job began, or its lock was renewed. */
  readonly ts: number;
}

/** The processes, or threads, of sandboxed processors. */
interface ChildPool {
  clean(): Promise<void>;
  /** Those that are at a job. */
  readonly retained?: Readonly<Record<string, object>>;
  kill?(child: object, signal: string): Promise<void>;
}

/** The jobs that the worker is at, by their ids. BullMQ before 5.61 does not keep them where they can be seen. */
export function runningJobs(worker: OpenWorker): ReadonlyMap<string, RunningJob> {
  return (worker as unknown as Internals).lockManager?.trackedJobs ?? new Map();
}

/** Asks Redis for a job of the worker. */
export function findJob(worker: OpenWorker, id: string): Promise<Job | undefined> {
  return (worker as unknown as Internals).Job?.fromId(worker, id) ?? Promise.resolve(undefined);
}

/** Lets a worker be closed at any moment, also while it connects. Before its `close()`. */
export function prepareClose(worker: OpenWorker): void {
  skipRateLimits(worker);
  for (const connection of connectionsOf(worker)) {
    keepErrorsQuiet(connection);
    if (isOurs(connection)) skipClosedStreams(connection);
  }
}

/** A close ends a wait for a rate limit, but not one that a job in hand still brings about: it would last as long as that. */
function skipRateLimits(worker: OpenWorker): void {
  let waiting = (worker as unknown as Internals).abortDelayController;
  Object.defineProperty(worker, 'abortDelayController', {
    configurable: true,
    get: () => waiting,
    set: (wait: Internals['abortDelayController']) => {
      waiting = wait;
      // It begins to listen in the same turn.
      setImmediate(() => wait?.abort());
    },
  });
}

/**
 * A connection that is closed while it connects takes its listeners off, and then fails to connect: an error that nobody
 * listens for, which would crash the process.
 */
function keepErrorsQuiet(connection: Connection): void {
  const removeAllListeners = connection.removeAllListeners.bind(connection);
  connection.removeAllListeners = () => {
    removeAllListeners();
    return connection.on('error', ignore);
  };
}

/**
 * ioredis gives a stream two seconds to close, also one that has closed already: a timer that nobody clears keeps the process
 * alive. It disconnects again when a command fails of which it needs the answer to connect.
 */
function skipClosedStreams({ _client: client }: Connection): void {
  const connector = client?.connector;
  if (connector === undefined) return;
  const disconnect = connector.disconnect.bind(connector);
  connector.disconnect = () => {
    if (connector.stream?.destroyed === true) connector.connecting = false;
    else disconnect();
  };
}

/**
 * Ends what a close that does not come to its end has left: connections, timers, children. An own client of the application
 * is left alone.
 */
export function destroyWorker(worker: OpenWorker): void {
  const internals = worker as unknown as Internals;
  const { lockManager, childPool } = internals;
  for (const connection of connectionsOf(worker)) disconnect(connection);
  void lockManager?.close?.().catch(ignore);
  void childPool?.clean().catch(ignore);
  clearTimeout(internals.extendLocksTimer ?? undefined);
  clearTimeout(internals.stalledCheckTimer);
  internals.stalledCheckStopper?.();
  endStalledChecks(worker);
  internals.abortDelayController?.abort();
}

/**
 * Ends the processes of sandboxed processors that are at a job, which somebody else has by now: asked to end they would finish
 * it first, also when we are long gone.
 */
export function killBusyChildren(worker: OpenWorker): void {
  const { childPool } = worker as unknown as Internals;
  for (const child of Object.values(childPool?.retained ?? {}))
    childPool?.kill?.(child, 'SIGKILL').catch(ignore);
}

/** BullMQ 5, closed during a check for stalled jobs, waits for the next one: a timer of 30 seconds. */
function endStalledChecks(worker: OpenWorker): void {
  Object.defineProperty(worker, 'stalledCheckStopper', {
    configurable: true,
    get: () => undefined,
    set: (stop: () => void) => stop(),
  });
}

function connectionsOf(worker: OpenWorker): Connection[] {
  const { connection, blockingConnection, backend } = worker as unknown as Internals;
  const all = [connection, blockingConnection, backend?.connection, backend?.blockingConnection];
  return all.filter((each) => each !== undefined);
}

/** After `disconnect()` ioredis waits two seconds for a server that does not answer. */
function disconnect(connection: Connection): void {
  if (!isOurs(connection)) return;
  connection._client?.disconnect?.();
  connection._client?.stream?.destroy();
}

function isOurs({ extraOptions }: Connection): boolean {
  return extraOptions?.shared !== true;
}

function ignore(): void {}
