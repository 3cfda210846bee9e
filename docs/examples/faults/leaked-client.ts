// A pool has one client. The export keeps it while it waits for a person to approve, and that person is on holiday:
// everybody else waits for the client.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { attachHttp } from '@lastcall/http';

type Client = { query(sql: string): Promise<string> };
type Take = (client: Client) => void;

class Pool {
  readonly waiting: Take[] = [];
  #idle: Client | undefined = { query: async (sql) => `rows of ${sql}` };

  async connect(): Promise<Client> {
    const client = this.#idle;
    this.#idle = undefined;
    return client ?? (await new Promise<Client>((resolve) => this.waiting.push(resolve)));
  }

  release(client: Client): void {
    const next = this.waiting.shift();
    if (next === undefined) this.#idle = client;
    else next(client);
  }
}

const pool = new Pool();
const approvals = new Map<string, () => void>();

async function exportOrders(id: string): Promise<string> {
  const client = await pool.connect();
  await new Promise<void>((resolve) => approvals.set(id, resolve)); // <- culprit
  const rows = await client.query('orders');
  pool.release(client);
  return rows;
}

async function listOrders(): Promise<string> {
  const client = await pool.connect();
  return await client.query('orders').finally(() => pool.release(client));
}

const server = createServer(async ({ url = '/' }, response) => {
  console.log(`GET ${url}`);
  response.end(await (url === '/export' ? exportOrders(url) : listOrders()));
});
attachHttp(server, { name: 'shop' });
server.listen(0, () => console.log(`port ${(server.address() as AddressInfo).port}.`));
