import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { assertLifecycle, assertOptionsObject, type Lifecycle, proc } from '@lastcall/proc';
import { badOption } from './http-drain-options';

/** Options of {@link healthHandler}. */
export interface HealthHandlerOptions {
  /** The path that says whether the process runs. Default `/livez`. */
  readonly livePath?: string | undefined;
  /** The path that says whether it should get traffic. Default `/readyz`. */
  readonly readyPath?: string | undefined;
  /** The lifecycle whose health is told. Default `proc`. */
  readonly lifecycle?: Lifecycle | undefined;
}

/**
 * Answers health checks; returns whether it did. For other paths it calls `next` where there is one, so that it fits
 * where Express and its like take middleware.
 */
export type HealthHandler = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
  next?: () => void,
) => boolean;

/**
 * Makes a handler for health checks.
 *
 * - `/livez`: 200 as long as the process can answer, also during a stop: a process that drains must not be restarted.
 * - `/readyz`: 200 when there is at least one probe, all are ready and no stop has begun; else 503 with one line per
 *   probe, as go-zero's `/healthz`.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION`
 */
export function healthHandler(options: HealthHandlerOptions = {}): HealthHandler {
  assertOptionsObject('healthHandler()', options, ['livePath', 'readyPath', 'lifecycle']);
  const { livePath = '/livez', readyPath = '/readyz', lifecycle = proc } = options;
  assertPath('livePath', livePath);
  assertPath('readyPath', readyPath);
  if (livePath === readyPath) throw badPath('livePath', "another path than 'readyPath'", livePath);
  assertLifecycle('healthHandler()', lifecycle);
  return (request, response, next) => {
    const path = pathOf(request.url ?? '');
    if (path === livePath) answer(request, response, 200, 'OK');
    else if (path === readyPath) answerReadiness(request, response, lifecycle);
    else {
      next?.();
      return false;
    }
    return true;
  };
}

function answerReadiness(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
  lifecycle: Lifecycle,
): void {
  const { ready, stopping, probes } = lifecycle.health.check();
  if (ready) {
    answer(request, response, 200, 'OK');
    return;
  }
  const lines = probes.map((probe) => `${probe.name} is ${probe.ready ? 'ready' : 'not ready'}\n`);
  const reason = stopping ? ['the process is stopping\n'] : [];
  const none = probes.length === 0 && !stopping ? ['there is no probe\n'] : [];
  answer(request, response, 503, ['Service Unavailable\n', ...reason, ...none, ...lines].join(''));
}

function answer(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
  status: number,
  body: string,
): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Content-Length', Buffer.byteLength(body));
  // The union of both kinds of response has no common signature of end().
  (response as ServerResponse).end(request.method === 'HEAD' ? undefined : body);
}

/** Another is never asked for: the probe would find the app's 404 instead. */
function assertPath(name: 'livePath' | 'readyPath', path: unknown): void {
  if (typeof path === 'string' && /^\/[^?#]*$/.test(path)) return;
  throw badPath(name, "a path that begins with '/' and has no query", path);
}

const badPath = badOption.bind(undefined, 'healthHandler()');

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}
