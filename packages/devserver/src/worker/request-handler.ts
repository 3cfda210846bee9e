import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Guard } from './guard';
import { HttpError } from './http-error';
import { Limited } from './limited';
import { type Reply, send, TEXT } from './reply';
import type { Routes, Visit } from './route';

/** Fewer than there may be connections: the others get an answer at once, and health checks always find room. */
const MOST_COSTLY = 32;

/** Answers requests by guard and routes; `closing` ends what is still being answered. */
export function requestHandler(
  guard: Guard,
  routes: Routes,
  closing: AbortSignal,
): RequestListener {
  const costly = new Limited(MOST_COSTLY);
  return (request, response) => {
    answer(request, response, { guard, routes, closing, costly }).catch((thrown: unknown) => {
      send(response, toReply(thrown), request.method === 'HEAD');
    });
  };
}

interface Answering {
  readonly guard: Guard;
  readonly routes: Routes;
  readonly closing: AbortSignal;
  readonly costly: Limited;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { guard, routes, closing, costly }: Answering,
): Promise<void> {
  guard.check(request);
  const [path = '', search = ''] = splitTarget(request.url ?? '');
  const route = routes.get(path);
  if (route === undefined) throw new HttpError(404, 'nothing here; see / and /debug/pprof/');
  const query = new URLSearchParams(search);
  const isAuthorized = guard.isAuthorized(request, query);
  if (!isAuthorized && route.isOpen !== true) throw tokenMissing();
  const isHead = request.method === 'HEAD';
  if (isHead && route.isCostly) throw new HttpError(405, 'only GET', { Allow: 'GET' });
  const { accept = '' } = request.headers;
  const visit: Visit = { query, accept, isAuthorized, signal: goneSignal(response, closing) };
  const reply = await (route.isCostly
    ? costly.run(() => route.answer(visit))
    : route.answer(visit));
  if (typeof reply !== 'function') send(response, reply, isHead);
  else if (isHead) send(response, { type: TEXT, body: '' }, true);
  else reply(response);
}

function splitTarget(target: string): [string, string] {
  const at = target.indexOf('?');
  return at === -1 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)];
}

function goneSignal(response: ServerResponse, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, closing]);
}

function tokenMissing(): HttpError {
  const message = 'a token is needed: Authorization: Bearer …, or ?token=…';
  return new HttpError(401, message, { 'WWW-Authenticate': 'Bearer' });
}

/** What an error looks like to a client: our own sentences, and nothing of anybody else's. */
function toReply(thrown: unknown): Reply {
  const error = thrown instanceof HttpError ? thrown : new HttpError(500, 'internal error');
  const { status, message, headers } = error;
  return { status, type: TEXT, body: `${message}\n`, headers };
}
