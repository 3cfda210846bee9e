import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { attachHttp, healthHandler } from '@lastcall/http';
import Koa from 'koa';

const app = new Koa();
app.use(async (context) => {
  context.body = await delay(300, 'hello\n');
});

const health = healthHandler();
const handle = app.callback();
const server = createServer((request, response) => {
  if (!health(request, response)) handle(request, response);
});
attachHttp(server);
server.listen(8080);
