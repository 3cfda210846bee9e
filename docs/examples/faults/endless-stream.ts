// An import reads a feed line by line, and commits at its end. The feed has become a live one: it has no end.
import { type AddressInfo, connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { proc } from '@lastcall/proc';

const feed = createServer((socket) => socket.write('lamp\ntable\n')).listen(0, start);

async function importFeed(lines: Readable): Promise<number> {
  const items: string[] = [];
  for await (const item of createInterface(lines)) items.push(item); // <- culprit
  return items.length;
}

async function commitImport(lines: Readable): Promise<void> {
  console.log(`${await importFeed(lines)} items committed`);
}

function start(): void {
  proc.install();
  const socket = connect((feed.address() as AddressInfo).port);
  socket.once('data', () => console.log('up'));
  void commitImport(socket);
}
