import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { credentials, makeClientConstructor, type ServiceError } from '@grpc/grpc-js';
import { type Order, SHOP } from './orders';
import { get, upload } from './request';

/** What became of the requests so far. */
export interface LoadCounts {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  readonly inFlight: number;
  /** How often each kind of failure occurred. */
  readonly failures: Readonly<Record<string, number>>;
  /** The orders that were acknowledged. */
  readonly acknowledged: readonly string[];
}

/** Where a service listens. */
export interface Addresses {
  readonly origin: string;
  readonly grpcAddress: string;
}

export interface Load {
  counts(): LoadCounts;
  /** Resolves when the balancer has taken the service out and nothing is in flight any more. */
  readonly over: Promise<void>;
}

const QUICK_CLIENTS = 16;
const SLOW_CLIENTS = 4;
/** How long the orders of each customer take: the last one of each protocol is in the middle of one at the signal, and after the hold. */
const ORDERS_MS = [5, 5, 20, 1700];
const UPLOAD_AFTER_MS = 1000;
const THINK_MS = 40;
const CHECK_EVERY_MS = 100;

/**
 * Sends requests as a load balancer with many clients does: on kept-alive connections, without retries, until its health check
 * says that the service is not ready, or fails.
 */
export function startLoad({ origin, grpcAddress }: Addresses): Load {
  const agent = new Agent({ keepAlive: true });
  const Shop = makeClientConstructor(SHOP, 'Shop');
  const shop = new Shop(grpcAddress, credentials.createInsecure(), { 'grpc.enable_retries': 0 });
  const acknowledged: string[] = [];
  const failures: Record<string, number> = {};
  let sent = 0;
  let answered = 0;
  let failed = 0;
  let isIn = true;

  async function count(request: () => Promise<unknown>): Promise<void> {
    sent += 1;
    try {
      await request();
      answered += 1;
    } catch (error) {
      failed += 1;
      const { code, message } = error as NodeJS.ErrnoException;
      const kind = code ?? message;
      failures[kind] = (failures[kind] ?? 0) + 1;
    }
  }

  async function client(path: string): Promise<void> {
    while (isIn) {
      await count(() => get(`${origin}${path}`, agent));
      await delay(Math.random() * THINK_MS);
    }
  }

  const overHttp = ({ id, takeMs }: Order): Promise<unknown> =>
    get(`${origin}/order?id=${id}&takeMs=${takeMs}`, agent);
  const overGrpc = (order: Order): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const answered = (error: ServiceError | null, receipt: unknown): void =>
        error === null ? resolve(receipt) : reject(new Error(reasonOf(error)));
      shop.place?.(order, answered);
    });

  /** Places one order after the other. */
  async function customer(name: string, place: (order: Order) => Promise<unknown>, takeMs: number) {
    for (let n = 1; isIn; n += 1) {
      const id = `${name}-${n}`;
      await count(async () => {
        await place({ id, takeMs });
        acknowledged.push(id);
      });
      await delay(Math.random() * THINK_MS);
    }
  }

  async function uploader(): Promise<void> {
    await delay(UPLOAD_AFTER_MS);
    await count(() => upload(`${origin}/upload`, agent));
  }

  async function checkHealth(): Promise<void> {
    while (isIn) {
      await delay(CHECK_EVERY_MS);
      await get(`${origin}/readyz`).catch(() => {
        isIn = false;
      });
    }
  }

  const clients = [
    checkHealth(),
    uploader(),
    ...Array.from({ length: QUICK_CLIENTS }, () => client('/')),
    ...Array.from({ length: SLOW_CLIENTS }, () => client('/slow')),
    ...ORDERS_MS.map((takeMs, i) => customer(`http-${i}`, overHttp, takeMs)),
    ...ORDERS_MS.map((takeMs, i) => customer(`grpc-${i}`, overGrpc, takeMs)),
  ];
  return {
    counts: () => ({
      sent,
      answered,
      failed,
      inFlight: sent - answered - failed,
      failures,
      acknowledged,
    }),
    over: Promise.all(clients).then(() => {
      agent.destroy();
      shop.close();
    }),
  };
}

/** What the system said, where it said something: `gRPC: ECONNREFUSED`. grpc-js wraps that in a paragraph. */
function reasonOf({ details }: ServiceError): string {
  return `gRPC: ${/\bE[A-Z]{4,}\b/.exec(details)?.[0] ?? details}`;
}
