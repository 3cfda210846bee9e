import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { groupHandles } from '../../src/dump/group-handles';
import { listHandles } from '../../src/dump/list-handles';

const open: { destroy(): unknown }[] = [];

afterEach(() => {
  for (const stream of open.splice(0)) stream.destroy();
});

describe('listHandles()', () => {
  it('says where servers listen, how sockets came, and where they go', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    open.push({ destroy: () => server.close() });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const accepting = once(server, 'connection');
    const client = connect(port, '127.0.0.1');
    const [[accepted]] = await Promise.all([accepting, once(client, 'connect')]);
    open.push(client, accepted);
    const [listening, opened, other] = listHandles([server, client, accepted]);
    const at = `127.0.0.1:${port}`;
    expect(listening).toEqual({ type: 'Server', state: 'listening', local: at, connections: 1 });
    expect(opened).toMatchObject({ type: 'Socket', state: 'open', remote: at, queuedBytes: 0 });
    expect(other).toMatchObject({
      local: at,
      remote: `127.0.0.1:${client.localPort}`,
      fd: expect.any(Number),
    });
    client.end();
    expect(listHandles([client])).toMatchObject([{ state: 'ended by us' }]);
    client.destroy();
    expect(listHandles([client])).toMatchObject([{ state: 'destroyed' }]);
  });

  it('survives whatever sits among the handles', () => {
    const hostile = new Proxy(
      {},
      {
        get() {
          throw new Error('do not look');
        },
      },
    );
    expect(listHandles([hostile, null, 5, Object.create(null)])).toEqual([
      { type: 'unreadable' },
      { type: 'unreadable' },
      { type: 'Number' },
      { type: 'Object' },
    ]);
  });
});

describe('groupHandles()', () => {
  it('counts what is alike, most first', () => {
    const socket = { type: 'Socket', state: 'open', local: '0.0.0.0:80', queuedBytes: 10 };
    const groups = groupHandles([
      { type: 'Server', state: 'listening', local: '0.0.0.0:80' },
      { ...socket, remote: '10.0.0.1:50000' },
      { ...socket, remote: '10.0.0.2:50000' },
      { type: 'Socket', state: 'open', remote: '10.0.0.9:5432', queuedBytes: 0 },
      { type: 'ChildProcess', program: '/bin/sleep', id: 7 },
    ]);
    expect(groups).toEqual([
      { type: 'Socket', state: 'open', endpoint: '0.0.0.0:80', count: 2, queuedBytes: 20 },
      { type: 'Server', state: 'listening', endpoint: '0.0.0.0:80', count: 1, queuedBytes: 0 },
      { type: 'Socket', state: 'open', endpoint: 'to 10.0.0.9:5432', count: 1, queuedBytes: 0 },
      { type: 'ChildProcess', state: null, endpoint: '/bin/sleep', count: 1, queuedBytes: 0 },
    ]);
  });
});
