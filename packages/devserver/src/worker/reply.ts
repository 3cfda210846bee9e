import type { ServerResponse } from 'node:http';

/** What a route answers. */
export interface Reply {
  /** Default 200. */
  readonly status?: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export const TEXT = 'text/plain; charset=utf-8';
export const JSON_TYPE = 'application/json; charset=utf-8';
const BINARY = 'application/octet-stream';

/** On every answer: nothing is cached, sniffed, embedded elsewhere or told to the next site. */
const PROTECTION: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
};

export function text(body: string, status = 200): Reply {
  return { status, type: TEXT, body };
}

export function json(value: unknown, status = 200): Reply {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` };
}

/** A file to save; browsers do not show it. */
export function download(name: string, body: string | Uint8Array, type: string = BINARY): Reply {
  return { type, body, headers: { 'Content-Disposition': `attachment; filename="${name}"` } };
}

/** The headers of an answer of this kind. */
export function headersOf(type: string, more: Reply['headers'] = {}): Record<string, string> {
  return { 'Content-Type': type, ...PROTECTION, ...more };
}

/** Sends a reply, without its body when the request was HEAD. */
export function send(response: ServerResponse, reply: Reply, isHead: boolean): void {
  if (response.headersSent || response.destroyed) return;
  const length = Buffer.byteLength(reply.body);
  response.writeHead(reply.status ?? 200, {
    ...headersOf(reply.type, reply.headers),
    'Content-Length': length,
  });
  response.end(isHead ? undefined : reply.body);
}
