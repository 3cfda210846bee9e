import {
  assertLifecycle,
  assertOptionsObject,
  LastcallError,
  type Lifecycle,
  type ListenerContext,
  type Probe,
  proc,
} from '@lastcall/proc';
import { type HttpConnections, type HttpDrain, openDrain } from './http-drain';
import {
  badOption,
  HTTP_DRAIN_OPTION_NAMES,
  type HttpDrainOptions,
  resolveOptions,
} from './http-drain-options';
import { applyHttpLimits, HTTP_LIMIT_NAMES, type HttpLimits, parseHttpLimits } from './http-limits';
import { assertHttpServer, type HttpServer } from './http-server';
import { upgradeLingerMs } from './upgrade-linger';

/** Options of {@link attachHttp}. */
export interface AttachHttpOptions extends HttpDrainOptions, HttpLimits {
  /** What events, the report and the health probe call the server. Default `http`; used twice, `http#2`. */
  readonly name?: string | undefined;
  /**
   * The health probe that is ready while the server listens: true for one with the server's name, a string for another
   * name, false for none. Default true.
   */
  readonly probe?: boolean | string | undefined;
  /** The lifecycle to attach to. Default `proc`, that of the process. */
  readonly lifecycle?: Lifecycle | undefined;
}

/** A server that is attached to a lifecycle. */
export interface HttpHandle {
  /** What events and the report call it. */
  readonly name: string;
  /** Aborts when the drain begins, as `drainSignal(server)`. */
  readonly drainSignal: AbortSignal;
  /** Open connections by Go's states, and how many were closed so far. */
  connections(): HttpConnections;
  /** Undoes `attachHttp`: the stop no longer drains the server. Does nothing once the drain has begun. */
  detach(): void;
  [Symbol.dispose](): void;
}

const OPTION_NAMES = [
  'name',
  'probe',
  'lifecycle',
  ...HTTP_DRAIN_OPTION_NAMES,
  ...HTTP_LIMIT_NAMES,
];

/**
 * Drains `server` when the process stops, without losing a request.
 *
 * Wrap-up: the process is not ready, and HTTP/1 responses carry `Connection: close`. Shutdown, stage `intake`: the
 * listening socket closes, requests finish, kept-alive connections may be answered once more, HTTP/2 sessions get GOAWAY,
 * WebSockets a close frame; the hammer cuts what is left, and the report lists it.
 *
 * Before the stop nothing runs on the request path: the throughput is that of the bare server.
 *
 * @example
 * const server = http.createServer(app).listen(8080);
 * attachHttp(server, { name: 'web' });
 *
 * @throws LastcallError `LASTCALL_HTTP_BAD_SERVER`, `LASTCALL_HTTP_ALREADY_ATTACHED`, `LASTCALL_HTTP_SERVER_CLOSED`,
 * `LASTCALL_BAD_OPTION`, `LASTCALL_BAD_PROBE`; the server is left as it was
 */
export function attachHttp(server: HttpServer, options: AttachHttpOptions = {}): HttpHandle {
  assertOptionsObject('attachHttp()', options, OPTION_NAMES);
  const { name = 'http', probe = true, lifecycle = proc, ...rest } = options;
  assertName(name);
  assertProbe(probe);
  assertLifecycle('attachHttp()', lifecycle);
  const settings = resolveOptions('attachHttp()', rest);
  const limits = parseHttpLimits(rest);
  assertOpen(server);
  const drain = openDrain(server, settings);
  const undo: (() => void)[] = [() => drain.detach()];
  try {
    const wrapUp = lifecycle.onWrapUp(() => drain.wrapUp(), { name, leaf: true });
    undo.push(() => wrapUp.remove());
    const stop = async ({ signal, reason, deadline }: ListenerContext) => {
      const isUpgrade = reason === 'upgrade' && rest.lingerMs === undefined;
      const lingerMs = isUpgrade ? { lingerMs: upgradeLingerMs(server, deadline) } : {};
      const result = await drain.stop({ signal, ...lingerMs });
      warnOfErrors(lifecycle, wrapUp.name, result.errors);
      return result;
    };
    const shutdown = lifecycle.onShutdown(stop, { name, stage: 'intake', leaf: true });
    undo.push(() => shutdown.remove());
    if (probe !== false)
      undo.push(
        addProbe(server, lifecycle, probe === true ? freeName(lifecycle, wrapUp.name) : probe),
      );
    undo.push(
      lifecycle.activities.addSource((limit, accepted) =>
        drain.inFlight(wrapUp.name, limit, accepted),
      ),
    );
    applyHttpLimits(server, limits);
    return toHandle(drain, wrapUp.name, lifecycle, undo);
  } catch (error) {
    for (const step of undo.toReversed()) step();
    throw error;
  }
}

function toHandle(
  drain: HttpDrain,
  name: string,
  lifecycle: Lifecycle,
  undo: readonly (() => void)[],
): HttpHandle {
  let isAttached = true;
  const detach = (): void => {
    if (!isAttached || lifecycle.state !== 'running') return;
    isAttached = false;
    for (const step of undo.toReversed()) step();
  };
  return Object.freeze({
    name,
    drainSignal: drain.drainSignal,
    connections: () => drain.connections(),
    detach,
    [Symbol.dispose]: detach,
  });
}

/** One warning, however many connections were told: the callback fails for each of them alike. */
function warnOfErrors(lifecycle: Lifecycle, name: string, errors: readonly unknown[]): void {
  if (errors.length === 0) return;
  const [cause] = errors;
  const message = cause instanceof Error ? cause.message : String(cause);
  const connections = errors.length === 1 ? 'a connection' : `${errors.length} connections`;
  lifecycle.warn(
    new LastcallError(
      'LASTCALL_HTTP_UPGRADE_DRAIN_FAILED',
      `onUpgradeDrain failed for ${connections} of ${name}: ${message}; the drain went on`,
      { cause },
    ),
  );
}

/** `name`, or `name#2`, `name#3`, … where probes have taken it. */
function freeName(lifecycle: Lifecycle, name: string): string {
  const taken = new Set(lifecycle.health.check().probes.map((probe) => probe.name));
  let free = name;
  for (let count = 2; taken.has(free); count += 1) free = `${name}#${count}`;
  return free;
}

/** Adds a probe that is ready while the server listens; returns what takes it away. */
function addProbe(server: HttpServer, lifecycle: Lifecycle, name: string): () => void {
  const probe: Probe = lifecycle.health.addProbe(name);
  const markReady = (): void => probe.markReady();
  const markNotReady = (): void => probe.markNotReady();
  if (server.listening) probe.markReady();
  server.on('listening', markReady);
  server.on('close', markNotReady);
  return () => {
    server.off('listening', markReady);
    server.off('close', markNotReady);
    probe.remove();
  };
}

function assertName(name: unknown): void {
  if (typeof name === 'string' && name !== '') return;
  throw badOption('attachHttp()', 'name', 'a non-empty string', name);
}

function assertProbe(probe: unknown): void {
  if (typeof probe === 'boolean' || (typeof probe === 'string' && probe !== '')) return;
  throw badOption('attachHttp()', 'probe', 'true, false or a non-empty string', probe);
}

function assertOpen(server: HttpServer): void {
  assertHttpServer(server);
  if (server.listening || !hasListened(server)) return;
  throw new LastcallError(
    'LASTCALL_HTTP_SERVER_CLOSED',
    'the server is closed; attach it while it listens, or before',
  );
}

/** Node gives a server its connection key when it first listens, and never takes it back. */
function hasListened(server: HttpServer): boolean {
  return (server as unknown as { _connectionKey?: string })._connectionKey !== undefined;
}
