// Opens connections, sends one request on each, and holds them.
import { connect, type Socket } from 'node:net';
import { answerParent } from '../parent';

const REQUEST = 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
const AT_ONCE = 100;
const held: Socket[] = [];

/** What the child is asked to open. */
export interface OpenOptions {
  readonly port: number;
  readonly count: number;
  /** Whether the requests are to be answered, so that the connections are idle then. Default true. */
  readonly isAnswered?: boolean;
}

async function open({ port, count, isAnswered = true }: OpenOptions): Promise<number> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) held.push(await openOne(port, isAnswered));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return held.length;
}

function openOne(port: number, isAnswered: boolean): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('error', reject);
    socket.once(isAnswered ? 'data' : 'connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      socket.resume();
      resolve(socket);
    });
    socket.write(REQUEST);
  });
}

answerParent({ open });
process.channel?.ref();
