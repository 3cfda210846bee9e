import { isDelay } from '@lastcall/proc';
import { badOption, MILLISECONDS } from './http-drain-options';
import type { HttpServer } from './http-server';
import { checkRequestTimesEvery } from './node-internals';

/** Limits of a server (endless's and net/http's ReadTimeout, WriteTimeout, MaxHeaderBytes), passed to Node's own. */
export interface HttpLimits {
  /**
   * How long a client may take to send a request, headers and body, in milliseconds; then it gets 408. Node's
   * `server.requestTimeout` (default 300000); `headersTimeout` is lowered to it where it is longer. 0: no limit but
   * `headersTimeout`. Node looks for late requests only every 30 s; with this it looks every quarter of the time, so the
   * 408 comes at most a quarter late. HTTP/1 only.
   */
  readonly readTimeoutMs?: number | undefined;
  /**
   * How long a connection may go without any byte read or written, in milliseconds, before it is closed: what bounds a
   * client that does not read its response. Node's `server.timeout` (default 0: no limit).
   */
  readonly writeTimeoutMs?: number | undefined;
  /**
   * How many bytes the headers of a request may have; more gets 431. Node's `maxHeaderSize` (default 16384) for HTTP/1,
   * the setting `SETTINGS_MAX_HEADER_LIST_SIZE` (default 65535) for HTTP/2. Counts for connections from now on.
   */
  readonly maxHeaderBytes?: number | undefined;
}

/** The names of the limits, for the check of options. */
export const HTTP_LIMIT_NAMES: readonly (keyof HttpLimits)[] = [
  'readTimeoutMs',
  'writeTimeoutMs',
  'maxHeaderBytes',
];

/** Node looks every 30 s, which makes half a minute of a limit of one second. */
const CHECKS_PER_TIMEOUT = 4;
const SHORTEST_CHECK_MS = 50;

/** What Node's servers have of it; `maxHeaderSize` is read for each new connection though only the constructor documents it. */
interface LimitedServer {
  requestTimeout?: number;
  headersTimeout?: number;
  connectionsCheckingInterval?: number;
  timeout?: number;
  maxHeaderSize?: number;
  updateSettings?(settings: { maxHeaderListSize: number }): void;
}

/** Checks the limits. Throws LastcallError `LASTCALL_BAD_OPTION`. */
export function parseHttpLimits(limits: HttpLimits): HttpLimits {
  const { readTimeoutMs, writeTimeoutMs, maxHeaderBytes } = limits;
  assertLimit('readTimeoutMs', readTimeoutMs, isDelay, MILLISECONDS);
  assertLimit('writeTimeoutMs', writeTimeoutMs, isDelay, MILLISECONDS);
  assertLimit(
    'maxHeaderBytes',
    maxHeaderBytes,
    isHeaderLimit,
    'a whole number from 1 to 4294967295',
  );
  return { readTimeoutMs, writeTimeoutMs, maxHeaderBytes };
}

/** Sets the limits that are given; the others stay Node's. */
export function applyHttpLimits(server: HttpServer, limits: HttpLimits): void {
  const target = server as LimitedServer;
  const { readTimeoutMs, writeTimeoutMs, maxHeaderBytes } = limits;
  if (readTimeoutMs !== undefined) applyReadTimeout(server, readTimeoutMs);
  if (writeTimeoutMs !== undefined) target.timeout = writeTimeoutMs;
  if (maxHeaderBytes === undefined) return;
  target.maxHeaderSize = maxHeaderBytes;
  target.updateSettings?.({ maxHeaderListSize: maxHeaderBytes });
}

function applyReadTimeout(server: HttpServer, readTimeoutMs: number): void {
  const target = server as LimitedServer;
  target.requestTimeout = readTimeoutMs;
  if (readTimeoutMs === 0) return;
  // Node wants headersTimeout <= requestTimeout; 0 means none of its own.
  target.headersTimeout = Math.min(target.headersTimeout || readTimeoutMs, readTimeoutMs);
  const intervalMs = Math.max(SHORTEST_CHECK_MS, Math.ceil(readTimeoutMs / CHECKS_PER_TIMEOUT));
  if (intervalMs < (target.connectionsCheckingInterval ?? 0))
    checkRequestTimesEvery(server, intervalMs);
}

function assertLimit(
  name: keyof HttpLimits,
  value: unknown,
  isValid: (value: unknown) => boolean,
  allowed: string,
): void {
  if (value === undefined || isValid(value)) return;
  throw badOption('attachHttp()', name, allowed, value);
}

/** A setting of HTTP/2 has 32 bits. */
function isHeaderLimit(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 2 ** 32;
}
