// Puts load on a gRPC server, in a process of its own. A client of node:http2: that of grpc-js needs more CPU than the
// server that is measured, so that it would measure itself.
import { once } from 'node:events';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { answerParent } from '../parent';

/** A bounded load. */
export interface GrpcLoadOptions {
  readonly port: number;
  readonly method: 'Unary' | 'Stream';
  readonly calls: number;
}

/** What the server did with it. */
export interface GrpcLoadResult {
  readonly seconds: number;
}

const SESSIONS = 4;
const CALLS_AT_ONCE = 16;

/** An empty message: a flag and four bytes of length. */
const EMPTY = Buffer.alloc(5);

async function load({ port, method, calls }: GrpcLoadOptions): Promise<GrpcLoadResult> {
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => open(port)));
  const lanes = sessions.flatMap((session) =>
    Array<ClientHttp2Session>(CALLS_AT_ONCE).fill(session),
  );
  const each = Math.ceil(calls / lanes.length);
  const startedAt = process.hrtime.bigint();
  await Promise.all(lanes.map((session) => callInTurn(session, method, each)));
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
  for (const session of sessions) session.destroy();
  return { seconds };
}

async function open(port: number): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`);
  await once(session, 'connect');
  return session;
}

async function callInTurn(
  session: ClientHttp2Session,
  method: string,
  count: number,
): Promise<void> {
  for (let i = 0; i < count; i++) await call(session, method);
}

function call(session: ClientHttp2Session, method: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/bench.Bench/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let status: string | string[] | undefined;
    stream.once('trailers', (trailers: IncomingHttpHeaders) => {
      status = trailers['grpc-status'];
    });
    stream.once('error', reject);
    stream.once('close', () =>
      status === '0' ? resolve() : reject(new Error(`a call ended with status ${status}`)),
    );
    stream.resume();
    stream.end(EMPTY);
  });
}

answerParent({ load });
process.channel?.ref();
