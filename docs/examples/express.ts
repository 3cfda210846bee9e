import { setTimeout as delay } from 'node:timers/promises';
import { attachHttp, healthHandler } from '@lastcall/http';
import express from 'express';

const app = express();
app.use(healthHandler());
app.get('/', async (_request, response) => {
  response.send(await delay(300, 'hello\n'));
});

attachHttp(app.listen(8080));
