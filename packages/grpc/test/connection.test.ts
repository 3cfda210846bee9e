import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Connection } from '../src/connection';

it('a connection knows its peer also when its socket is gone', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  const connection = new Connection(socket, 0);
  await once(client, 'connect');
  const { localPort } = client;
  socket.destroy();
  await once(socket, 'close');
  expect(connection.peer).toBe(`127.0.0.1:${localPort}`);
  client.destroy();
  server.close();
});
