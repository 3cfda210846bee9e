import http from 'node:http';

/** An answer, whole. */
export interface Got {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  readonly bytes: Buffer;
}

/** How {@link get} asks. */
export interface GetOptions {
  readonly headers?: http.OutgoingHttpHeaders;
  readonly method?: string;
  readonly body?: string;
  readonly socketPath?: string;
  /** Default 10000. */
  readonly deadlineMs?: number;
}

/** Asks a server on 127.0.0.1, or on `socketPath`, on a connection of its own, sending `path` as it is. */
export function get(port: number, path: string, options: GetOptions = {}): Promise<Got> {
  const { headers = {}, method = 'GET', body, socketPath, deadlineMs = 10_000 } = options;
  const where = socketPath === undefined ? { host: '127.0.0.1', port } : { socketPath };
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(deadlineMs);
    const request = http.request({ ...where, path, method, headers, agent: false, signal });
    request.once('error', reject);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const bytes = Buffer.concat(chunks);
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, text: bytes.toString(), bytes });
      });
    });
    request.end(body);
  });
}
