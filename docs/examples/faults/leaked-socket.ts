// Counters go to a collector, over a connection of their own each time. The collector says thanks and keeps the
// connection for more, and so does the service: soon it has no file descriptors left.
import { type AddressInfo, connect, createServer } from 'node:net';
import { proc } from '@lastcall/proc';

let thanks = 0;

function report(counter: string, port: number): void {
  const socket = connect({ port }, () => socket.write(`${counter} 1\n`));
  socket.on('data', () => console.log(`thanks ${++thanks}`)); // <- culprit
}

const collector = createServer((socket) => {
  socket.on('data', () => socket.write('thanks\n'));
});

proc.install();
collector.listen(0, () => {
  const { port } = collector.address() as AddressInfo;
  for (let i = 0; i < 30; i += 1) report(`counter ${i}`, port);
});
