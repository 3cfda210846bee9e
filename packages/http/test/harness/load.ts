import { once } from 'node:events';
import http from 'node:http';
import type { Pool } from 'undici';
import type { Program } from '../run-program';

/** What a client counted. `refused` are connections that were never made: a balancer's business, not a lost request. */
export interface Tally {
  answered: number;
  refused: number;
  readonly lost: string[];
}

/** Sends one request after another until the server says so no more; never retries. */
export async function sendUntilRefused(tally: Tally, send: () => Promise<number>): Promise<void> {
  for (;;) {
    try {
      const status = await send();
      if (status === 200) tally.answered += 1;
      else tally.lost.push(`status ${status}`);
    } catch (error) {
      const { code, cause } = error as { code?: string; cause?: { code?: string } };
      const reason = code ?? cause?.code ?? String(error);
      if (reason === 'ECONNREFUSED') {
        tally.refused += 1;
        return;
      }
      tally.lost.push(reason);
    }
  }
}

export async function withAgent(port: number, agent: http.Agent, path: string): Promise<number> {
  const request = http.get({ port, path, host: '127.0.0.1', agent });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response.statusCode ?? 0;
}

export async function withPool(pool: Pool, path: string, method: 'GET' | 'POST'): Promise<number> {
  const { statusCode, body } = await pool.request({
    path,
    method,
    ...(method === 'POST' ? { body: 'data' } : {}),
  });
  await body.dump();
  return statusCode;
}

/** Sends SIGTERM once 200 requests have been answered, and waits until every client is refused. */
export async function stopUnderLoad(
  program: Program,
  clients: (tally: Tally) => Promise<void>[],
): Promise<Tally> {
  const tally: Tally = { answered: 0, refused: 0, lost: [] };
  const running = clients(tally);
  while (tally.answered < 200) await new Promise((resolve) => setImmediate(resolve));
  program.kill('SIGTERM');
  await Promise.all(running);
  return tally;
}
