import type { Server, ServerResponse } from 'node:http';
import { turns, within } from './harness/deadline';
import { disposeServers, startServer } from './harness/test-server';

afterEach(disposeServers);

describe('server.close() during the drain', () => {
  it('does not truncate a response that is ended but not flushed', async () => {
    const body = Buffer.alloc(8 << 20, 'x');
    let response: ServerResponse | undefined;
    const server = await startServer('http', (_req, res) => {
      response = res;
      res.writeHead(200, { 'Content-Length': body.length });
      res.end(body);
    });
    const peer = await server.peer();
    peer.socket.pause();
    peer.get('/big');
    await server.settled(() => response?.writableEnded === true);
    server.drain.wrapUp();
    server.server.close();
    (server.server as Server).closeIdleConnections();
    const stopped = server.beginStop();
    await turns(10);
    peer.socket.resume();
    expect(await peer.ended()).toBe('end');
    expect(peer.received.length).toBeGreaterThan(body.length);
    await expect(within('stop()', stopped)).resolves.toMatchObject({ drained: 1 });
  });

  it('does not cut an idle connection under a request', async () => {
    const server = await startServer('http', (_req, res) => void res.end('hello'));
    const peer = await server.idlePeer();
    server.drain.wrapUp();
    peer.get('/');
    server.server.close();
    await peer.got(/hello$/);
    await server.stop();
  });

  it('is undone with the drain, and keeps an override of the app', async () => {
    const server = await startServer('http', (_req, res) => void res.end('hello'));
    const http = server.server as Server;
    const own = () => {};
    http.closeIdleConnections = own;
    server.drain.wrapUp();
    expect(http.closeIdleConnections).not.toBe(own);
    server.drain.detach();
    expect(http.closeIdleConnections).toBe(own);
  });
});
