// The client of a message broker keeps every call it has sent in a Map until the reply comes. One reply got lost and
// calls have no timeout, so the order that waits for it never finishes, nor does anything that waits for the order.
import { proc } from '@lastcall/proc';

interface Call {
  readonly method: string;
  readonly resolve: (reply: string) => void;
}

const pending = new Map<number, Call>();

function send(method: string): Promise<string> {
  return new Promise((resolve) => {
    pending.set(pending.size + 1, { method, resolve });
  });
}

async function reserveStock(item: string): Promise<string> {
  const reply = await send(`reserve ${item}`); // <- culprit
  return reply.trim();
}

async function placeOrder(items: readonly string[]): Promise<void> {
  for (const item of items) await reserveStock(item);
}

async function consumeOrders(): Promise<void> {
  for (;;) await placeOrder(['lamp', 'table']);
}

proc.install();
setInterval(() => send('ping'), 30_000); // keeps the connection to the broker open
void consumeOrders();
console.log('up');
