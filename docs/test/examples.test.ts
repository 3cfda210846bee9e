import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, makeClientConstructor, type ServiceDefinition, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Client } from 'undici';
import { WebSocket } from 'ws';
import { type Example, runExample } from './run-example';

let running: Example[] = [];

function run(name: string, env: Record<string, string> = {}): Example {
  const example = runExample(name, env);
  running.push(example);
  // One without a server never listens.
  example.origin.catch(() => {});
  return example;
}

afterEach(async () => {
  for (const example of running) example.kill('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  running = [];
});

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly connection: unknown;
}

/** One request on a kept-alive connection that is open already, without retries. */
async function request(client: Client, path: string): Promise<Answer> {
  const { statusCode, headers, body } = await client.request({ method: 'GET', path });
  return { status: statusCode, body: await body.text(), connection: headers.connection };
}

/** Stops `example` by SIGTERM while a request is in flight, and says how both end. */
async function stopUnderRequest(example: Example, path = '/'): Promise<Answer> {
  const client = new Client(await example.origin);
  try {
    const answer = request(client, path);
    await example.gotRequest(path);
    example.kill('SIGTERM');
    return await answer;
  } finally {
    await client.destroy();
  }
}

describe('a server in the examples answers what is in flight at SIGTERM, then dies by it', () => {
  it.each(['http', 'express', 'fastify', 'koa'])('%s.ts', async (name) => {
    const example = run(name);
    expect(await stopUnderRequest(example)).toEqual({
      status: 200,
      body: 'hello\n',
      connection: 'close',
    });
    const { code, signal, err } = await example.ended;
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGTERM' });
    expect(err).toMatch(/all ok; ends by SIGTERM/);
  });

  it.each(['http', 'express', 'fastify', 'koa', 'ws', 'sse', 'service'])(
    '%s.ts answers /readyz and /livez',
    async (name) => {
      const example = run(name);
      const client = new Client(await example.origin);
      if (name === 'service') await example.saw('ready');
      const answers = [await request(client, '/readyz'), await request(client, '/livez')];
      await client.destroy();
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    },
  );
});

describe('fastify.ts', () => {
  it('closes Fastify, and so its plugins, after the drain', async () => {
    const example = run('fastify');
    await stopUnderRequest(example);
    const { err } = await example.ended;
    expect(err).toMatch(/intake +http +ok(.|\n)*work +fastify +ok/);
  });
});

describe('grpc.ts', () => {
  it('answers the call in flight, says goodbye on the stream, and fails health checks at once', async () => {
    const example = run('grpc');
    const address = (await example.origin).replace('http://', '');
    const definition = loadSync(join(__dirname, '../examples/orders.proto'), { defaults: true });
    const Orders = makeClientConstructor(definition['shop.Orders'] as ServiceDefinition, 'Orders');
    const orders = new Orders(address, credentials.createInsecure());
    const states: string[] = [];
    const stream = orders.follow?.({ id: '7' });
    stream.on('data', ({ state }: { state: string }) => states.push(state));
    const followed = once(stream, 'end');
    await once(stream, 'data');
    const watch = orders.makeServerStreamRequest(
      '/grpc.health.v1.Health/Watch',
      () => Buffer.alloc(0),
      (bytes) => bytes[1],
      {},
    );
    const statuses: unknown[] = [];
    watch.on('data', (value) => statuses.push(value));
    const unwatched = once(watch, 'error');
    await once(watch, 'data');
    const answer = new Promise((resolve) =>
      orders.get?.({ id: '7' }, (_: unknown, order: unknown) => resolve(order)),
    );
    await example.saw('order 7 is asked for');
    example.kill('SIGTERM');
    expect(await answer).toEqual({ id: '7', state: 'packed' });
    await followed;
    expect(states.at(-1)).toBe('follow me elsewhere');
    const [error] = await unwatched;
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(statuses).toEqual([1, 2]);
    orders.close();
    const { signal, err } = await example.ended;
    expect(signal).toBe('SIGTERM');
    expect(err).toMatch(/intake +orders +ok .* 2 drained, 1 ended, 0 cut(.|\n)*all ok/);
  });
});

describe('ws.ts', () => {
  it('answers, and closes with 1001 at the stop', async () => {
    const example = run('ws');
    const socket = new WebSocket((await example.origin).replace('http', 'ws'));
    await once(socket, 'open');
    socket.send('hello');
    const [message] = await once(socket, 'message');
    expect(String(message)).toBe('you said hello');
    example.kill('SIGTERM');
    const [closeCode] = await once(socket, 'close');
    expect(closeCode).toBe(1001);
    const { signal, err } = await example.ended;
    expect(signal).toBe('SIGTERM');
    expect(err).toMatch(/all ok; ends by SIGTERM/);
  });
});

describe('sse.ts', () => {
  it('says goodbye and ends the stream at the stop', async () => {
    const example = run('sse');
    const [response] = (await once(get(await example.origin), 'response')) as [IncomingMessage];
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await once(response, 'data');
    example.kill('SIGTERM');
    await once(response, 'end');
    expect(text).toMatch(/^data: .*\n\n/);
    expect(text).toMatch(/event: bye\nretry: 1000\ndata:\n\n$/);
    expect(response.complete).toBe(true);
    const { signal, err } = await example.ended;
    expect(signal).toBe('SIGTERM');
    expect(err).toMatch(/intake +http +ok .* 1 drained, 0 cut/);
  });
});

describe('sse.ts, for a client that comes again on its connection during the stop', () => {
  it('says goodbye at once', async () => {
    const example = run('sse');
    const client = new Client(await example.origin);
    example.kill('SIGTERM');
    // Each answer ends only because of the stop; the last one comes on a connection that the drain lets be used once more.
    const answers: string[] = [];
    for (;;) {
      const answer = await client
        .request({ path: '/', method: 'GET' })
        .then(({ body }) => body.text())
        .catch(() => undefined);
      if (answer === undefined) break;
      answers.push(answer);
    }
    await client.destroy();
    expect(answers.at(-1)).toContain('event: bye');
    const { signal, err } = await example.ended;
    expect(signal).toBe('SIGTERM');
    expect(err).toMatch(/intake +http +ok .* 0 cut/);
  });
});

describe('worker.ts', () => {
  it('finishes the job in hand and takes no new one', async () => {
    const example = run('worker');
    await example.saw('job 1 begins');
    example.kill('SIGTERM');
    const { signal, out, err } = await example.ended;
    expect(signal).toBe('SIGTERM');
    expect(out).toBe('job 1 begins\njob 1 is done\n');
    expect(err).toMatch(/work +worker +ok/);
  });

  it('is cut by the hammer', async () => {
    const times = { LASTCALL_WRAP_UP_TIME_MS: '0', LASTCALL_HAMMER_TIME_MS: '1' };
    const example = run('worker', times);
    await example.saw('job 1 begins');
    example.kill('SIGTERM');
    const { out, err } = await example.ended;
    expect(out).not.toMatch('job 1 is done');
    expect(err).toMatch(/work +worker +(cut|failed)/);
  });
});

describe('service.ts', () => {
  it('packs the order that was in flight at SIGTERM before the database closes', async () => {
    const example = run('service');
    expect(await stopUnderRequest(example, '/42')).toMatchObject({
      status: 202,
      connection: 'close',
    });
    const { signal, out, err } = await example.ended;
    expect(signal).toBe('SIGTERM');
    expect(out).toBe('ready\npacked order /42\ndatabase closed\n');
    expect(err).toMatch(/intake +api +ok(.|\n)*work +orders +ok/);
  });
});

describe('signals.ts', () => {
  it('reloads on SIGHUP, and stops on SIGTERM', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lastcall-'));
    const file = join(folder, 'config.json');
    await writeFile(file, '{"greeting":"good evening"}');
    const example = run('signals', { CONFIG: file });
    const client = new Client(await example.origin);
    expect(await request(client, '/before')).toMatchObject({ status: 200, body: 'hello\n' });
    example.kill('SIGHUP');
    await example.saw('good evening');
    expect(await stopUnderRequest(example)).toMatchObject({ status: 200, body: 'good evening\n' });
    expect((await example.ended).signal).toBe('SIGTERM');
    await client.destroy();
    await rm(folder, { recursive: true });
  });
});

describe('testing.ts', () => {
  it('passes', async () => {
    const { code, out } = await run('testing').ended;
    expect(out).toMatch(/# pass 2|pass 2/);
    expect(code).toBe(0);
  });
});
