import type { ServerResponse } from 'node:http';

type WriteHead = (statusCode: number, ...rest: unknown[]) => ServerResponse;
type Entry = [name: string, value: unknown];

/** Decides about one response at the moment its header is written. */
export interface CloseDecision {
  /** Whether this response is the last one on its connection. */
  isLast(response: ServerResponse): boolean;
  /** Called after a header with `Connection: close` has been made. */
  announced(response: ServerResponse): void;
}

/**
 * Makes `response` say `Connection: close` if it is the last one on its connection.
 *
 * The decision falls when the header is written, not before: only then it is known whether the client has pipelined
 * another request. It wins over a `Connection: keep-alive` that the app sets itself, by whatever way; other tokens (such
 * as `Upgrade`) stay. Responses whose header is out already, and informational ones, are left alone.
 */
export function announceClose(response: ServerResponse, decision: CloseDecision): void {
  if (response.headersSent) return;
  const writeHead = response.writeHead as WriteHead;
  const announcing: WriteHead = function (this: ServerResponse, statusCode, ...rest) {
    if (this.headersSent || statusCode < 200 || !decision.isLast(this)) {
      return writeHead.call(this, statusCode, ...rest);
    }
    const result = writeHead.call(this, statusCode, ...closing(this, rest));
    decision.announced(this);
    return result;
  };
  response.writeHead = announcing as ServerResponse['writeHead'];
}

/** The arguments of writeHead() after the status, with `Connection: close` in the headers or set on the response. */
function closing(response: ServerResponse, rest: unknown[]): unknown[] {
  const headers = typeof rest[0] === 'string' ? rest[1] : (rest[1] ?? rest[0]);
  const reason = typeof rest[0] === 'string' ? [rest[0]] : [];
  response.removeHeader('Keep-Alive');
  if (typeof headers !== 'object' || headers === null) {
    response.setHeader('Connection', closeValue([response.getHeader('Connection')]));
    return rest;
  }
  return [...reason, closingHeaders(response, headers)];
}

function closingHeaders(response: ServerResponse, headers: object): unknown {
  const entries = entriesOf(headers);
  const given = entries.filter(([name]) => name.toLowerCase() === 'connection');
  const others = entries.filter(([name]) => !/^(?:connection|keep-alive)$/i.test(name));
  const own =
    given.length > 0 ? given.map(([, value]) => value) : [response.getHeader('Connection')];
  const all: Entry[] = [...others, ['Connection', closeValue(own)]];
  if (!Array.isArray(headers)) return Object.fromEntries(all);
  return Array.isArray(headers[0]) ? all : all.flat();
}

/** The three forms writeHead() takes: an object, `[name, value, name, value]`, `[[name, value], …]`. */
function entriesOf(headers: object): Entry[] {
  if (!Array.isArray(headers)) return Object.entries(headers);
  if (Array.isArray(headers[0])) return headers as Entry[];
  const entries: Entry[] = [];
  for (let i = 0; i < headers.length; i += 2) entries.push([String(headers[i]), headers[i + 1]]);
  return entries;
}

/** `close`, behind the connection options of the app that do not contradict it. */
function closeValue(values: unknown[]): string {
  const options = values
    .flat()
    .flatMap((value) => (value === undefined ? [] : String(value).split(',')));
  const kept = options
    .map((option) => option.trim())
    .filter((option) => !/^(?:close|keep-alive|)$/i.test(option));
  return [...kept, 'close'].join(', ');
}
