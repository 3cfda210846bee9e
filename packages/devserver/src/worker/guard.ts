import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isLoopback } from '../loopback';
import type { ListenTarget } from '../protocol';
import { HttpError } from './http-error';

/** Whom the server lets in. */
export interface GuardSettings {
  readonly target: ListenTarget;
  readonly token: string | undefined;
  readonly allowedHosts: readonly string[];
}

/**
 * Checks what every request must pass, before anything looks at its path.
 *
 * A web page that the operator visits must reach nothing: neither under a name that its owner points at 127.0.0.1 (the
 * Host is checked), nor by a request to another site (Origin and Sec-Fetch-Site are checked; there is no CORS).
 */
export class Guard {
  readonly #allowedHosts: ReadonlySet<string>;
  readonly #takesAnyAddress: boolean;
  readonly #tokenHash: Buffer | undefined;

  constructor({ target, token, allowedHosts }: GuardSettings) {
    this.#allowedHosts = new Set(['localhost', ...allowedHosts]);
    this.#takesAnyAddress = 'host' in target && !isLoopback(target.host);
    this.#tokenHash = token === undefined ? undefined : hash(token);
  }

  /** Throws HttpError 400, 403, 405 or 421. */
  check(request: IncomingMessage): void {
    assertMethod(request);
    assertNoBody(request);
    const host = onlyHost(request);
    if (!this.#isOurs(host)) throw new HttpError(421, 'this server does not go by that name');
    assertSameOrigin(request, host);
  }

  /** Whether the request may see more than health. Constant time. */
  isAuthorized(request: IncomingMessage, query: URLSearchParams): boolean {
    if (this.#tokenHash === undefined) return true;
    const [, bearer] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    const given = bearer ?? query.get('token') ?? '';
    return timingSafeEqual(hash(given), this.#tokenHash);
  }

  #isOurs(host: string): boolean {
    const name = hostName(host);
    if (name === undefined) return false;
    if (this.#allowedHosts.has(name)) return true;
    const address = name.startsWith('[') ? name.slice(1, -1) : name;
    return isCanonicalAddress(address) && (this.#takesAnyAddress || isLoopback(address));
  }
}

function assertMethod({ method }: IncomingMessage): void {
  if (method === 'GET' || method === 'HEAD') return;
  throw new HttpError(405, 'only GET and HEAD', { Allow: 'GET, HEAD' });
}

function assertNoBody({ headers }: IncomingMessage): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = headers;
  if (encoding === undefined && (length === undefined || length === '0')) return;
  throw new HttpError(400, 'requests have no body here', { Connection: 'close' });
}

/** The one Host header. Node itself keeps the first of several, and a proxy may have looked at another. */
function onlyHost(request: IncomingMessage): string {
  const hosts = request.headersDistinct.host ?? [];
  if (hosts.length === 1 && hosts[0] !== undefined) return hosts[0].toLowerCase();
  throw new HttpError(400, 'exactly one Host header');
}

/** The name in `name`, `name:port`, `[address]` or `[address]:port`; undefined when it is none of these. */
function hostName(host: string): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[0-9a-z_.-]+)(?::\d{1,5})?$/.exec(host)?.[1];
}

/** Octal, hexadecimal and short forms are how checks on addresses are got round. */
function isCanonicalAddress(address: string): boolean {
  const family = isIP(address);
  if (family !== 6) return family === 4;
  return new URL(`http://[${address}]`).hostname === `[${address}]`;
}

function assertSameOrigin({ headers }: IncomingMessage, host: string): void {
  const site = headers['sec-fetch-site'];
  // `none`: typed, or from a bookmark. Another port of localhost is `same-site` and not ours.
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    throw new HttpError(403, 'not from another site: type the address, or open it from a bookmark');
  const { origin } = headers;
  if (origin !== undefined && !isOrigin(origin.toLowerCase(), host))
    throw new HttpError(403, 'not from another origin');
}

/** Behind a proxy that speaks TLS the page's origin is https; the name is what counts. */
function isOrigin(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
