// Puts load on a server, in a process of its own. The load generators on npm parse responses in JavaScript and need twice
// the CPU of the server they measure, so that they would measure themselves. Here all responses are alike, and counting
// their bytes is enough.
import { connect, type Socket } from 'node:net';
import { answerParent } from '../parent';

/** A bounded load. */
export interface LoadOptions {
  readonly port: number;
  readonly requests: number;
  readonly connections: number;
}

/** What the server did with it. */
export interface LoadResult {
  readonly answered: number;
  readonly seconds: number;
}

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');

async function load({ port, requests, connections }: LoadOptions): Promise<LoadResult> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  // On every connection: a client is connected before the server has accepted it.
  const [responseBytes = 0] = await Promise.all(sockets.map(exchangeOne));
  const each = Math.ceil(requests / connections);
  const startedAt = process.hrtime.bigint();
  await Promise.all(sockets.map((socket) => exchange(socket, each, responseBytes)));
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
  for (const socket of sockets) socket.destroy();
  return { answered: each * connections, seconds };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** The length of a response, which comes in one piece. */
function exchangeOne(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      if (text.startsWith('HTTP/1.1 200') && text.endsWith('hello')) resolve(chunk.length);
      else reject(new Error(`not the expected response: ${text}`));
    });
    socket.write(REQUEST);
  });
}

/** Sends `count` requests, each when the one before is answered. */
function exchange(socket: Socket, count: number, responseBytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = count;
    let received = 0;
    socket.once('close', () => reject(new Error(`a connection closed under load, ${left} left`)));
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received < responseBytes) return;
      received -= responseBytes;
      if (--left === 0) resolve();
      else socket.write(REQUEST);
    });
    socket.write(REQUEST);
  });
}

answerParent({ load });
process.channel?.ref();
