import type { OpenWorker } from './bullmq-worker';

// The only file that reads what BullMQ does not document; BullMQ 5 keeps it on the worker, 6 on its backend.

interface Client {
  readonly stream?: { destroy(): unknown } | undefined;
  disconnect?(): unknown;
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
  readonly lockManager?: { close?(): Promise<void> };
  readonly extendLocksTimer?: NodeJS.Timeout | null;
  readonly stalledCheckTimer?: NodeJS.Timeout;
  readonly stalledCheckStopper?: () => void;
  readonly abortDelayController?: { abort(): void } | null;
  readonly childPool?: { clean(): Promise<void> };
}

/**
 * A connection that is closed while it connects takes its listeners off, and then fails to connect: an error that nobody
 * listens for, which would crash the process.
 */
export function keepErrorsQuiet(worker: OpenWorker): void {
  for (const connection of connectionsOf(worker)) {
    const removeAllListeners = connection.removeAllListeners.bind(connection);
    connection.removeAllListeners = () => {
      removeAllListeners();
      return connection.on('error', ignore);
    };
  }
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
function disconnect({ _client: client, extraOptions }: Connection): void {
  if (client === undefined || extraOptions?.shared === true) return;
  client.disconnect?.();
  client.stream?.destroy();
}

function ignore(): void {}
