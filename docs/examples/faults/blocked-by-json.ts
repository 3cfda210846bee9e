// Every visitor gets a copy of the catalogue, made with JSON. With ten products that was nothing; with a hundred
// thousand the server does nothing else.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { attachHttp } from '@lastcall/http';
import { proc } from '@lastcall/proc';

const catalogue = Array.from({ length: 100_000 }, (_, id) => ({
  id,
  name: `product ${id}`,
  tags: ['in stock', 'sold by us', `shelf ${id % 100}`],
}));

function copyFor(visitors: number): unknown[] {
  const copies = [];
  for (let i = 0; i < visitors; i += 1) {
    copies[i % 2] = JSON.parse(JSON.stringify(catalogue)); // <- culprit
  }
  return copies;
}

const server = createServer((_, response) => {
  response.end(`${copyFor(200).length} copies\n`);
});
proc.setup({ watchdog: { thresholdMs: 200 } });
attachHttp(server, { name: 'catalogue' });
server.listen(0, () => console.log(`port ${(server.address() as AddressInfo).port}.`));
