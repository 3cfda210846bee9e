import { setTimeout as delay } from 'node:timers/promises';
import { attachHttp, healthHandler } from '@lastcall/http';
import { proc } from '@lastcall/proc';
import fastify from 'fastify';

const app = fastify();
const health = healthHandler();
app.addHook('onRequest', async (request, reply) => {
  if (health(request.raw, reply.raw)) reply.hijack();
});
app.get('/', () => delay(300, 'hello\n'));

attachHttp(app.server);
// Not before the drain: from close() on, Fastify answers 503. Afterwards it runs the onClose hooks of your plugins.
proc.onShutdown(() => app.close(), { name: 'fastify', stage: 'work' });
// One address: for its default, localhost, Fastify makes a second server that app.server does not name.
app.listen({ host: '0.0.0.0', port: 8080 });
