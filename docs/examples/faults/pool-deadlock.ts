// A transfer locks the order and then the stock, a restock locks the stock and then the order.
// Each has what the other one needs.
import { proc } from '@lastcall/proc';

class Lock {
  readonly waiting: (() => void)[] = [];
  #isTaken = false;

  async acquire(): Promise<void> {
    if (this.#isTaken) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.#isTaken = true;
  }

  release(): void {
    this.#isTaken = false;
    this.waiting.shift()?.();
  }
}

const orders = new Lock();
const stock = new Lock();

async function transfer(): Promise<void> {
  await orders.acquire();
  await stock.acquire(); // <- culprit
  stock.release();
  orders.release();
}

async function restock(): Promise<void> {
  await stock.acquire();
  await orders.acquire(); // <- culprit
  orders.release();
  stock.release();
}

proc.install();
setInterval(() => console.log(`${stock.waiting.length} wait for the stock`), 30_000);
void transfer();
void restock();
console.log('up');
