import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Pool } from 'pg';

/** An order as gRPC has it. */
export interface Order {
  readonly id: string;
  readonly takeMs: number;
}

/** The orders of one service: the pool, and what is done with it. */
export interface Orders {
  readonly pool: Pool;
  /** Writes an order, and acknowledges it by not throwing. */
  place(order: Order): Promise<void>;
}

/** The gRPC service `shop.Shop`. */
export const SHOP = loadSync(join(__dirname, 'shop.proto'), { defaults: true })[
  'shop.Shop'
] as grpc.ServiceDefinition;

/** Opens the table that the demo has made for this service. */
export function openOrders(): Orders {
  const { DATABASE_URL: connectionString, DEMO_TABLE: table } = process.env;
  const pool = new Pool({ connectionString, application_name: table });

  async function place({ id, takeMs }: Order): Promise<void> {
    const client = await pool.connect();
    try {
      await client.query('begin');
      await client.query(`insert into ${table} (id) values ($1)`, [id]);
      // The warehouse takes its time, and the transaction is open.
      await client.query('select pg_sleep($1)', [takeMs / 1000]);
      await client.query('commit');
    } catch (error) {
      await client.query('rollback').catch(() => {});
      throw error;
    } finally {
      client.release();
    }
  }

  return { pool, place };
}

/** A gRPC server that takes orders. */
export function createGrpcShop({ place }: Orders): grpc.Server {
  const server = new grpc.Server();
  server.addService(SHOP, {
    place(call: grpc.ServerUnaryCall<Order, object>, callback: grpc.sendUnaryData<object>) {
      const { id } = call.request;
      place(call.request).then(
        () => callback(null, { id }),
        ({ message }: Error) => callback({ code: grpc.status.UNAVAILABLE, message }),
      );
    },
  });
  return server;
}
