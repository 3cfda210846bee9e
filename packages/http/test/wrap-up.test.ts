import type { ServerResponse } from 'node:http';
import { turns, within } from './harness/deadline';
import { disposeServers, type Handler, type Kind, startServer } from './harness/test-server';

afterEach(disposeServers);

/** What `on-headers` (compression, morgan, express-session) does: runs `before` when the header is about to be written. */
function onHeaders(res: ServerResponse, before: () => void): void {
  const writeHead = res.writeHead as (...args: unknown[]) => ServerResponse;
  res.writeHead = function (this: ServerResponse, ...args: unknown[]) {
    before();
    return writeHead.apply(this, args);
  } as ServerResponse['writeHead'];
}

const answers: Record<string, Handler> = {
  'res.end()': (_req, res) => void res.end('ok'),
  'res.write()': (_req, res) => {
    res.write('ok');
    res.end();
  },
  'res.flushHeaders()': (_req, res) => {
    res.flushHeaders();
    res.end('ok');
  },
  'writeHead(status)': (_req, res) => void res.writeHead(200).end('ok'),
  'writeHead(status, reason)': (_req, res) => void res.writeHead(200, 'Fine').end('ok'),
  'setHeader keep-alive': (_req, res) => {
    res.setHeader('Connection', 'keep-alive');
    res.setHeader('Keep-Alive', 'timeout=99');
    res.end('ok');
  },
  'writeHead keep-alive object': (_req, res) =>
    void res
      .writeHead(200, { connection: 'keep-alive', 'keep-alive': 'timeout=99', 'X-App': '1' })
      .end('ok'),
  'writeHead keep-alive object with reason': (_req, res) =>
    void res.writeHead(200, 'Fine', { Connection: 'Keep-Alive', 'X-App': '1' }).end('ok'),
  'writeHead keep-alive raw array': (_req, res) =>
    void res
      .writeHead(200, ['X-App', '1', 'X-App', '2', 'Connection', 'keep-alive'] as never)
      .end('ok'),
  'writeHead keep-alive array of pairs': (_req, res) =>
    void res
      .writeHead(200, [
        ['X-App', '1'],
        ['Connection', 'keep-alive'],
      ] as never)
      .end('ok'),
  'setHeader and writeHead both keep-alive': (_req, res) => {
    res.setHeader('Connection', 'keep-alive');
    res.writeHead(200, { Connection: 'keep-alive' }).end('ok');
  },
  'setHeader and writeHead with an array': (_req, res) => {
    res.setHeader('Connection', 'keep-alive');
    res.writeHead(200, ['Connection', 'keep-alive', 'X-App', '1'] as never).end('ok');
  },
  'removeHeader Connection': (_req, res) => {
    res.removeHeader('Connection');
    res.end('ok');
  },
  'an on-headers wrapper': (_req, res) => {
    onHeaders(res, () => res.setHeader('Connection', 'keep-alive'));
    res.end('ok');
  },
  'two on-headers wrappers': (_req, res) => {
    onHeaders(res, () => res.setHeader('X-App', '1'));
    onHeaders(res, () => res.setHeader('Connection', 'keep-alive'));
    res.writeHead(200, { 'X-Other': '2' }).end('ok');
  },
  'a 204': (_req, res) => void res.writeHead(204).end(),
  'a 304': (_req, res) => void res.writeHead(304).end(),
};

describe.each<Kind>(['http', 'https'])('wrapUp() of %s', (kind) => {
  it.each(Object.keys(answers))('says Connection: close with %s', async (how) => {
    const server = await startServer(kind, answers[how] as Handler);
    const peer = await server.idlePeer();
    server.drain.wrapUp();
    await peer.get('/').got(/\r\n\r\n/);
    expect(await peer.ended()).toBe('end');
    expect(peer.connectionHeaders).toEqual(['close']);
    expect(peer.received).not.toMatch(/^keep-alive:/im);
    if (how.includes('with an array')) expect(peer.received).toMatch(/X-App: 1/);
    if (how.includes('raw array')) expect(peer.received).toMatch(/X-App: 1\r\n(?:.*\r\n)*X-App: 2/);
  });

  it.each(Object.keys(answers))('does so for a request in flight, with %s', async (how) => {
    let answer = (): void => {};
    const server = await startServer(kind, (req, res) => {
      answer = () => answers[how]?.(req, res);
      // Node refuses an array of pairs once a header has been set.
      if (!how.includes('pairs')) onHeaders(res, () => res.setHeader('X-Early', '1'));
    });
    const peer = await server.peer();
    peer.get('/');
    await server.settled(({ active }) => active === 1);
    server.drain.wrapUp();
    answer();
    await peer.got(/\r\n\r\n/);
    expect(await peer.ended()).toBe('end');
    expect(peer.connectionHeaders).toEqual(['close']);
    if (!how.includes('pairs')) expect(peer.received).toMatch(/X-Early: 1/);
  });

  it('keeps other connection options of the app', async () => {
    const server = await startServer(
      kind,
      (_req, res) =>
        void res.writeHead(426, { Connection: 'Upgrade, keep-alive', Upgrade: 'h2c' }).end(),
    );
    const peer = await server.peer();
    server.drain.wrapUp();
    await peer.get('/').got(/\r\n\r\n/);
    expect(peer.connectionHeaders).toEqual(['Upgrade, close']);
  });

  it('leaves informational responses alone', async () => {
    const server = await startServer(kind, (_req, res) => {
      res.writeEarlyHints({ link: '</style.css>; rel=preload' });
      res.end('ok');
    });
    const peer = await server.peer();
    server.drain.wrapUp();
    await peer.get('/').got(/103 Early.*ok$/s);
    expect(peer.connectionHeaders).toEqual(['close']);
  });

  it('leaves a response alone whose header is out; the next one on its connection carries it', async () => {
    let end = (): void => {};
    const server = await startServer(kind, (_req, res) => {
      res.write('begin');
      end = () => void res.end('end');
    });
    const peer = await server.peer();
    await peer.get('/').got(/begin/);
    server.drain.wrapUp();
    end();
    await peer.got(/end\r\n0\r\n\r\n$/);
    await peer.get('/').got(/begin.*begin/s);
    end();
    expect(await peer.ended()).toBe('end');
    expect(peer.connectionHeaders).toEqual(['keep-alive', 'close']);
  });

  it('goes on accepting and serving', async () => {
    const server = await startServer(kind, (_req, res) => void res.end('ok'));
    server.drain.wrapUp();
    for (let i = 0; i < 5; i++) {
      const peer = await server.peer();
      await peer.get('/').got(/ok$/);
      expect(peer.connectionHeaders).toEqual(['close']);
    }
    expect(server.server.listening).toBe(true);
  });

  it('does nothing when called again', async () => {
    const server = await startServer(kind, (_req, res) => void res.end('ok'));
    server.drain.wrapUp();
    server.drain.wrapUp();
    const peer = await server.peer();
    await peer.get('/').got(/ok$/);
    expect(peer.connectionHeaders).toEqual(['close']);
    expect(server.server.listenerCount('request')).toBe(1);
  });

  it('serves HTTP/1.0', async () => {
    const server = await startServer(kind, (_req, res) => {
      res.write('o');
      res.end('k');
    });
    const peer = await server.peer();
    server.drain.wrapUp();
    await peer.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n').got(/ok$/);
    expect(await peer.ended()).toBe('end');
    expect(peer.connectionHeaders).toEqual(['close']);
  });

  it('answers HEAD', async () => {
    const server = await startServer(kind, (_req, res) => void res.end('ok'));
    const peer = await server.peer();
    server.drain.wrapUp();
    await peer.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n').got(/\r\n\r\n$/);
    expect(await peer.ended()).toBe('end');
    expect(peer.connectionHeaders).toEqual(['close']);
  });
});

describe('wrapUp()', () => {
  it('tells HTTP/2 nothing', async () => {
    const server = await startServer('h2c', (_req, res) => void res.end('ok'));
    const session = await server.session();
    let isTold = false;
    session.once('goaway', () => (isTold = true));
    server.drain.wrapUp();
    const stream = session.request({ ':path': '/' });
    await within('the answer', new Promise((done) => stream.once('close', done).resume()));
    await turns(5);
    expect(isTold).toBe(false);
    expect(stream.sentHeaders).not.toHaveProperty('connection');
  });

  it('hears of a response to an expectation that Node refuses', async () => {
    const server = await startServer('http', (_req, res) => void res.end('ok'));
    const peer = await server.peer();
    server.drain.wrapUp();
    peer.send('GET / HTTP/1.1\r\nHost: test\r\nExpect: the-moon\r\n\r\n');
    await peer.got(/417 Expectation Failed/);
    expect(peer.connectionHeaders).toEqual(['close']);
    expect(await peer.ended()).toBe('end');
  });

  it('hears of a request that Node drops over maxRequestsPerSocket', async () => {
    const server = await startServer('http', (_req, res) => void res.end('ok'), { lingerMs: 20 });
    Object.assign(server.server, { maxRequestsPerSocket: 1, keepAliveTimeout: 0 });
    const peer = await server.idlePeer();
    const stopped = server.beginStop();
    await peer.get('/').got(/503 Service/);
    expect(await peer.ended()).toBe('end');
    await within('stop()', stopped);
  });
});
