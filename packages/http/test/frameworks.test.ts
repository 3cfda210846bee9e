import { Agent, createServer, request as httpRequest, type Server } from 'node:http';
import express from 'express';
import fastify from 'fastify';
import Koa from 'koa';
import { Pool } from 'undici';
import { Gate, within } from './harness/deadline';
import { disposeServers, ended, TestServer } from './harness/test-server';

afterEach(disposeServers);

type Start = (gate: Gate) => Promise<Server> | Server;

const frameworks: Record<string, Start> = {
  'Express 5': (gate) => {
    const app = express();
    app.post('/echo', express.json(), (req, res) => void res.json(req.body));
    app.get('/slow', async (_req, res) => {
      await gate.opened;
      res.send('slow');
    });
    app.get('/', (_req, res) => void res.send('fast'));
    return createServer(app);
  },
  'Fastify 5': async (gate) => {
    const app = fastify();
    app.post('/echo', async (req) => req.body);
    app.get('/slow', async () => {
      await gate.opened;
      return 'slow';
    });
    app.get('/', async () => 'fast');
    await app.ready();
    return app.server;
  },
  'Koa 3': (gate) => {
    const app = new Koa();
    app.use(async (ctx) => {
      if (ctx.path === '/slow') await gate.opened;
      if (ctx.path === '/echo') {
        let body = '';
        for await (const chunk of ctx.req) body += chunk;
        ctx.type = 'json';
        ctx.body = body;
        return;
      }
      ctx.body = ctx.path === '/slow' ? 'slow' : 'fast';
    });
    return createServer(app.callback());
  },
};

async function start(name: string, gate: Gate, lingerMs: number): Promise<TestServer<Server>> {
  const server = await (frameworks[name] as Start)(gate);
  return ended(new TestServer('http', server, { lingerMs })).listen();
}

describe.each(Object.keys(frameworks))('%s', (name) => {
  it('finishes what is in flight and says Connection: close', async () => {
    const gate = new Gate();
    const server = await start(name, gate, 60_000);
    const slow = (await server.peer()).get('/slow');
    await server.settled(({ active }) => active === 1);
    const late = await server.idlePeer();
    const stopped = server.beginStop();
    await server.refusing();
    await late.get('/').got(/fast$/);
    gate.open();
    await slow.got(/slow$/);
    expect([...slow.connectionHeaders, ...late.connectionHeaders]).toEqual(['close', 'close']);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 2, cut: [] });
  });

  it('loses nothing of undici, which sends all the time', async () => {
    const server = await start(name, new Gate(), 1000);
    const { port } = server.target;
    const pool = server.owns(new Pool(`http://127.0.0.1:${port}`, { connections: 8 }));
    let isStopping = false;
    let refused = 0;
    const answers: number[] = [];
    const client = async (): Promise<void> => {
      for (;;) {
        try {
          const body = JSON.stringify({ n: answers.length });
          const headers = { 'content-type': 'application/json' };
          const answer = await pool.request({ path: '/echo', method: 'POST', body, headers });
          answers.push(answer.statusCode);
          await answer.body.text();
        } catch (error) {
          // A new connection to the closed listener is the end of the road; nothing else may fail.
          expect((error as { code?: string }).code).toBe('ECONNREFUSED');
          expect(isStopping).toBe(true);
          refused++;
          return;
        }
      }
    };
    const clients = Array.from({ length: 8 }, client);
    await server.settled(() => answers.length > 100);
    isStopping = true;
    await expect(server.stop()).resolves.toMatchObject({ cut: [] });
    await within('the clients', Promise.all(clients));
    expect(refused).toBe(8);
    expect(answers.every((status) => status === 200)).toBe(true);
  });

  it('loses nothing of a keep-alive agent of node:http', async () => {
    const server = await start(name, new Gate(), 1000);
    const agent = server.owns(new Agent({ keepAlive: true, maxSockets: 8 }));
    const { port } = server.target;
    const get = () =>
      new Promise<string>((resolve) => {
        const request = httpRequest({ port, host: '127.0.0.1', agent, path: '/' }, (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve(text));
        });
        request.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
        request.end();
      });
    const outcomes: { fast?: number; [outcome: string]: number | undefined } = {};
    const client = async (): Promise<void> => {
      for (;;) {
        const outcome = await get();
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        if (outcome !== 'fast') return;
      }
    };
    const clients = Array.from({ length: 8 }, client);
    await server.settled(() => (outcomes.fast ?? 0) > 100);
    await expect(server.stop()).resolves.toMatchObject({ cut: [] });
    await within('the clients', Promise.all(clients));
    expect(outcomes).toEqual({ fast: expect.any(Number), ECONNREFUSED: 8 });
  });
});

it('fastify.close() in the middle of the stop does no harm', async () => {
  const gate = new Gate();
  const app = fastify();
  app.get('/slow', async () => {
    await gate.opened;
    return 'slow';
  });
  await app.ready();
  const server = await ended(new TestServer('http', app.server, { lingerMs: 0 })).listen();
  const peer = (await server.peer()).get('/slow');
  await server.settled(({ active }) => active === 1);
  const stopped = server.beginStop();
  const closed = app.close();
  gate.open();
  await peer.got(/slow$/);
  await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1, cut: [] });
  await within('close()', closed);
});
