// Answers are kept so that they need not be made twice. The key has the time in it, so none is ever found again, and
// nothing is ever thrown away.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { attachHttp } from '@lastcall/http';

interface Answer {
  readonly rows: readonly { readonly id: number; readonly price: number }[];
}

const kept = new Map<string, Answer>();

function answerOf(path: string): Answer {
  const key = `${path} at ${process.hrtime.bigint()}`;
  const answer = kept.get(key) ?? makeAnswer();
  kept.set(key, answer);
  return answer;
}

function makeAnswer(): Answer {
  return { rows: Array.from({ length: 20_000 }, (_, id) => ({ id, price: id / 3 })) }; // <- culprit
}

const server = createServer(({ url = '/' }, response) => {
  response.end(`${answerOf(url).rows.length} rows, ${kept.size} answers kept\n`);
});
attachHttp(server, { name: 'prices' });
server.listen(0, () => console.log(`port ${(server.address() as AddressInfo).port}.`));
