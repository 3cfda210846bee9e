// Orders in PostgreSQL: at the stop requests finish first, then the pool drains, and no transaction breaks that could have
// finished. Needs DATABASE_URL.
import { createServer } from 'node:http';
import { attachPg } from '@lastcall/db/pg';
import { attachHttp } from '@lastcall/http';
import { Pool } from 'pg';

const pool = new Pool({ connectionString: process.env.DATABASE_URL });
attachPg(pool, { name: 'orders', leakMs: 30_000 });

/** Takes an order and reserves its item: both or none. */
async function order(item: string): Promise<number> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    // Temporary, so that the example leaves nothing behind.
    await client.query('create temporary table if not exists orders (id serial, item text)');
    const { rows } = await client.query('insert into orders (item) values ($1) returning id', [
      item,
    ]);
    // The warehouse takes its time.
    await client.query('select pg_sleep(0.3)');
    await client.query('commit');
    return rows[0].id;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

const server = createServer((request, response) => {
  order(request.url ?? '').then(
    (id) => response.end(`order ${id}\n`),
    (error: Error) => response.writeHead(503).end(`${error.message}\n`),
  );
});
attachHttp(server, { name: 'web' });
server.listen(process.env.PORT ?? 8080);
