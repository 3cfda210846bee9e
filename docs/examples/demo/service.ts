// The demo's service, with lastcall.
import { createServer } from 'node:http';
import { attachHttp, healthHandler } from '@lastcall/http';
import { proc } from '@lastcall/proc';
import { answer, sayPort, work } from './shop';

const health = healthHandler();
const server = createServer((request, response) => {
  if (!health(request, response)) void answer(request, response);
});

attachHttp(server, { name: 'shop' });
proc.onShutdown(() => worker, { name: 'worker', stage: 'work' });
proc.onShutdown(() => {}, { name: 'database' });
const worker = work(proc.done);
server.listen(0, '127.0.0.1', () => sayPort(server.address()));
