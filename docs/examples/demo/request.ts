import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const CHUNK = Buffer.alloc(1024);
const UPLOAD_CHUNKS = 40;
const CHUNK_EVERY_MS = 75;

/** Sends one request, without retries. Resolves with the answer's text; rejects when it is not a complete 200. */
export function get(url: string, agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = agent === undefined ? { agent: false as const, timeout: 1000 } : { agent };
    const request = httpRequest(url, options, (response) => read(response).then(resolve, reject));
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', reject);
    request.end();
  });
}

/** Sends one long request body, piece by piece. Rejects unless the service says that it got all of it. */
export async function upload(url: string, agent: Agent): Promise<void> {
  const sending = new Promise<string>((resolve, reject) => {
    const request = httpRequest(url, { agent, method: 'POST' }, (response) =>
      read(response).then(resolve, reject),
    );
    request.on('error', reject);
    void (async () => {
      for (let sent = 0; sent < UPLOAD_CHUNKS && !request.destroyed; sent += 1) {
        request.write(CHUNK);
        await delay(CHUNK_EVERY_MS);
      }
      request.end();
    })();
  });
  const expected = `${UPLOAD_CHUNKS * CHUNK.length}\n`;
  if ((await sending) !== expected) throw new Error('incomplete upload');
}

async function read(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += chunk;
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  return text;
}
