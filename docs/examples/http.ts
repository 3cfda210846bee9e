import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { attachHttp, healthHandler } from '@lastcall/http';
import { proc } from '@lastcall/proc';

const pool = { query: () => delay(1500, 'hello\n'), end: async () => {} }; // your database
const health = healthHandler();
const server = createServer(async (request, response) => {
  if (health(request, response)) return;
  response.end(await pool.query());
});

attachHttp(server);
proc.onShutdown(() => pool.end(), { name: 'pool' });
server.listen(8080);
