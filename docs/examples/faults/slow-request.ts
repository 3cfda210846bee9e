// The page asks another service for prices. That service takes the question and does not answer, and nobody said how
// long to wait.
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { attachHttp } from '@lastcall/http';

const portOf = (address: unknown): number => (address as AddressInfo).port;

const prices = createServer(() => console.log('the prices were asked for')).listen(0);

async function priceOf(item: string): Promise<number> {
  const request = get({ port: portOf(prices.address()), path: `/${item}` });
  const [answer] = (await once(request, 'response')) as [IncomingMessage]; // <- culprit
  return Number(answer.headers['x-price']);
}

const shop = createServer(async (_, response) => {
  response.end(`a lamp is ${await priceOf('lamp')}\n`);
});
attachHttp(shop, { name: 'shop' });
shop.listen(0, () => console.log(`port ${portOf(shop.address())}.`));
