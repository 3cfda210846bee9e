import {
  assertLifecycle,
  assertOptionsObject,
  describe,
  isDelay,
  LastcallError,
  type Lifecycle,
  proc,
} from '@lastcall/proc';
import { isLoopback } from './loopback';
import type { ListenTarget } from './protocol';

/** The program's own metrics: prom-client's `register`, or any `Registry` of it. */
export interface MetricsSource {
  getMetricsAsJSON(): Promise<readonly unknown[]>;
}

/**
 * Options of {@link startDevserver}.
 *
 * An environment variable wins over an option, so that an operator can tune without code: `LASTCALL_DEVSERVER_HOST`,
 * `LASTCALL_DEVSERVER_PORT`, `LASTCALL_DEVSERVER_PATH`, `LASTCALL_DEVSERVER_TOKEN`.
 */
export interface DevserverOptions {
  /** The address to listen on. Any but a loopback address needs a `token`. Default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** 0 takes a free one. Default 6060. */
  readonly port?: number | undefined;
  /** A unix socket (mode 0600) instead of host and port; on Windows a named pipe. */
  readonly path?: string | undefined;
  /**
   * What clients must send as `Authorization: Bearer …` (or `?token=`, for browsers) to see more than health checks. At
   * least 128 random bits: 22 characters, such as `openssl rand -hex 16` gives. Default none, on loopback and unix sockets only.
   */
  readonly token?: string | undefined;
  /** Host names that clients may use besides `localhost` and IP addresses, without port. Default none. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** For how long the main thread may be blocked, in milliseconds, before `/livez` and `/readyz` say 503. Default 10000. */
  readonly liveLimitMs?: number | undefined;
  /** The program's own metrics, shown at `/metrics` too. Default none. */
  readonly metrics?: MetricsSource | undefined;
  /** The lifecycle that is shown, and in whose last stage the server closes. Default `proc`. */
  readonly lifecycle?: Lifecycle | undefined;
}

/** The options with defaults and environment. */
export interface DevserverSettings {
  readonly target: ListenTarget;
  readonly token: string | undefined;
  readonly allowedHosts: readonly string[];
  readonly liveLimitMs: number;
  readonly metrics: MetricsSource | undefined;
  readonly lifecycle: Lifecycle;
}

const OPTION_NAMES = [
  'host',
  'port',
  'path',
  'token',
  'allowedHosts',
  'liveLimitMs',
  'metrics',
  'lifecycle',
];

/** 22 characters of base64 hold 128 bits. */
const TOKEN_LENGTH = 22;

/**
 * Fills in environment and defaults.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_BAD_ENVIRONMENT`, `LASTCALL_DEVSERVER_TOKEN_NEEDED`
 */
export function resolveOptions(
  options: DevserverOptions,
  env: NodeJS.ProcessEnv = process.env,
): DevserverSettings {
  assertDevserverOptions(options);
  const token = env.LASTCALL_DEVSERVER_TOKEN || options.token;
  const target = listenTarget(options, env);
  assertToken(token);
  if (token === undefined && 'host' in target && !isLoopback(target.host))
    throw tokenNeeded(target.host);
  return {
    target,
    token,
    allowedHosts: (options.allowedHosts ?? []).map((host) => host.toLowerCase()),
    liveLimitMs: options.liveLimitMs ?? 10_000,
    metrics: options.metrics,
    lifecycle: options.lifecycle ?? proc,
  };
}

/** A variable wins over an option; a host or port in the environment also wins over a path in the code. */
function listenTarget(options: DevserverOptions, env: NodeJS.ProcessEnv): ListenTarget {
  if (env.LASTCALL_DEVSERVER_PATH) return { path: env.LASTCALL_DEVSERVER_PATH };
  const { LASTCALL_DEVSERVER_HOST: envHost, LASTCALL_DEVSERVER_PORT: envPort } = env;
  if (options.path !== undefined && !envHost && !envPort) return { path: options.path };
  const host = envHost || options.host || '127.0.0.1';
  // What `localhost` resolves to is up to a file that others may write.
  const address = host === 'localhost' ? '127.0.0.1' : host;
  return { host: address, port: envPort ? parsePort(envPort) : (options.port ?? 6060) };
}

function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && isPort(Number(text))) return Number(text);
  throw new LastcallError(
    'LASTCALL_BAD_ENVIRONMENT',
    `environment variable LASTCALL_DEVSERVER_PORT must be a port from 0 to 65535, got '${text}'; correct or unset it`,
  );
}

/**
 * Checks options without starting anything, for who starts the devserver later.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION`
 */
export function assertDevserverOptions(options: DevserverOptions): void {
  assertOptionsObject('startDevserver()', options, OPTION_NAMES);
  const { host, port, path, token, allowedHosts, liveLimitMs, metrics, lifecycle } = options;
  if (!isTextOrAbsent(host)) throw badOption('host', 'a non-empty string', host);
  if (port !== undefined && !isPort(port)) throw badOption('port', 'from 0 to 65535', port);
  if (!isTextOrAbsent(path)) throw badOption('path', 'a non-empty string', path);
  if (!isTextOrAbsent(token)) throw badOption('token', 'a non-empty string', '(hidden)');
  if (allowedHosts !== undefined && !isListOfText(allowedHosts))
    throw badOption('allowedHosts', 'an array of host names', allowedHosts);
  if (liveLimitMs !== undefined && !isDelay(liveLimitMs))
    throw badOption('liveLimitMs', 'a number of milliseconds', liveLimitMs);
  if (metrics !== undefined && typeof metrics?.getMetricsAsJSON !== 'function')
    throw badOption('metrics', 'a registry of prom-client', metrics);
  if (lifecycle !== undefined) assertLifecycle('startDevserver()', lifecycle);
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || (typeof value === 'string' && value !== '');
}

function isListOfText(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '');
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535;
}

function assertToken(token: string | undefined): void {
  if (token === undefined) return;
  if (token.length >= TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(token)) return;
  throw badOption(
    'token',
    `at least ${TOKEN_LENGTH} printable characters (128 random bits; openssl rand -hex 16)`,
    '(hidden)',
  );
}

function tokenNeeded(host: string): LastcallError {
  return new LastcallError(
    'LASTCALL_DEVSERVER_TOKEN_NEEDED',
    `the devserver does not listen on ${host} without a token: whoever reaches it sees into the process; ` +
      "give 'token' (or LASTCALL_DEVSERVER_TOKEN), or listen on 127.0.0.1 or a unix socket",
  );
}

function badOption(name: string, expected: string, value: unknown): LastcallError {
  const got = value === '(hidden)' ? 'something else' : describe(value);
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option '${name}' of startDevserver() must be ${expected}, got ${got}`,
  );
}
