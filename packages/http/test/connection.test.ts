import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Connection } from '../src/connection';

describe("a connection's peer", () => {
  it('is an IPv4 address as people write it, also on a socket for both families', async () => {
    // For both where the machine has both.
    const server = createServer().listen(0);
    await once(server, 'listening');
    const accepted = once(server, 'connection');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [socket] = (await accepted) as [Socket];
    const { peer } = new Connection(socket, 0);
    const { localPort } = client;
    client.destroy();
    socket.destroy();
    server.close();
    expect(peer).toBe(`127.0.0.1:${localPort}`);
  });
});
