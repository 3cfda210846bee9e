import { fork, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { listHandles } from '../../src/dump/list-handles';

/** Open handles of the process of that class. */
const handlesOf = (type: string): object[] =>
  (process as unknown as { _getActiveHandles(): object[] })
    ._getActiveHandles()
    .filter((handle) => handle.constructor.name === type);

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
    const { list } = listHandles([server, client, accepted]);
    const [listening, opened, other] = list;
    const at = `127.0.0.1:${port}`;
    expect(listening).toEqual({ type: 'Server', state: 'listening', local: at, connections: 1 });
    expect(opened).toMatchObject({ type: 'Socket', state: 'open', remote: at, queuedBytes: 0 });
    expect(other).toMatchObject({
      local: at,
      remote: `127.0.0.1:${client.localPort}`,
      fd: expect.any(Number),
    });
    client.end();
    expect(listHandles([client]).list).toMatchObject([{ state: 'ended by us' }]);
    client.destroy();
    expect(listHandles([client]).list).toMatchObject([{ state: 'destroyed' }]);
  });

  it('names the standard streams of a child, and the channel to it', async () => {
    const cat = spawn('cat');
    const worker = fork(join(__dirname, 'fixtures', 'idle-child.cjs'));
    open.push({ destroy: () => cat.kill() }, { destroy: () => worker.kill() });
    await Promise.all([once(cat, 'spawn'), once(worker, 'message')]);
    const [channel] = handlesOf('Pipe');
    const { list, groups } = listHandles([cat.stdin, cat.stdout, cat.stderr, cat, channel]);
    expect(list).toMatchObject([
      { type: 'ChildProcess', program: 'cat', id: cat.pid },
      { type: 'Pipe', role: 'IPC channel' },
      { type: 'Socket', state: 'open', role: 'stdin of cat' },
      { type: 'Socket', state: 'open', role: 'stdout of cat' },
      { type: 'Socket', state: 'open', role: 'stderr of cat' },
    ]);
    expect(groups.map(({ endpoint }) => endpoint)).toContain('stdout of cat');
  });

  it('tells the port of a worker from that of a channel', async () => {
    const code = `const { parentPort } = require('node:worker_threads');
      parentPort.on('message', () => {});`;
    const worker = new Worker(code, { eval: true });
    worker.on('message', () => {});
    const { port1 } = new MessageChannel();
    port1.on('message', () => {});
    open.push({ destroy: () => void worker.terminate() }, { destroy: () => port1.close() });
    await once(worker, 'online');
    const types = listHandles(handlesOf('MessagePort')).list.map(({ type }) => type);
    expect(types.filter((type) => type === 'Worker')).toHaveLength(1);
    expect(listHandles([port1]).list).toEqual([{ type: 'MessagePort' }]);
  });

  it('says where datagrams come in', async () => {
    const socket = createSocket('udp4');
    open.push({ destroy: () => socket.close() });
    expect(listHandles([socket]).list).toEqual([{ type: 'dgram.Socket' }]);
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const local = `127.0.0.1:${socket.address().port}`;
    expect(listHandles([socket]).list).toEqual([{ type: 'dgram.Socket', state: 'bound', local }]);
  });

  it('writes IPv4 addresses as such', () => {
    const socket = { writableLength: 0, remoteAddress: '::ffff:10.0.0.7', remotePort: 5000 };
    expect(listHandles([socket]).list).toMatchObject([{ remote: '10.0.0.7:5000' }]);
  });

  it.each(['::1', '::ffff:a07', '::ffff:0:10.0.0.7', '::10.0.0.7'])(
    'writes the IPv6 address %s in brackets',
    (remoteAddress) => {
      const socket = { writableLength: 0, remoteAddress, remotePort: 5000 };
      expect(listHandles([socket]).list).toMatchObject([{ remote: `[${remoteAddress}]:5000` }]);
    },
  );

  it('survives whatever sits among the handles', () => {
    const hostile = new Proxy(
      {},
      {
        get() {
          throw new Error('do not look');
        },
      },
    );
    expect(listHandles([hostile, null, 5, Object.create(null)]).list).toEqual([
      { type: 'unreadable' },
      { type: 'unreadable' },
      { type: 'Number' },
      { type: 'Object' },
    ]);
  });
});

describe('its groups', () => {
  it('count what is alike, most first, also what is too much to list', () => {
    const server = { listening: true, address: () => ({ address: '0.0.0.0', port: 80 }) };
    const accepted = { writableLength: 10, remoteAddress: '10.0.0.1', remotePort: 50_000, server };
    const opened = { writableLength: 0, remoteAddress: '::1', remotePort: 5432 };
    const child = { spawnfile: '/bin/sleep', pid: 7 };
    const sockets = Array.from({ length: 300 }, () => accepted);
    const { list, groups } = listHandles([opened, server, ...sockets, child]);
    const common = { type: 'Object', queuedBytes: 0, count: 1 };
    expect(groups).toEqual([
      { ...common, state: 'open', endpoint: '0.0.0.0:80', count: 300, queuedBytes: 3000 },
      { ...common, state: 'open', endpoint: 'to [::1]:5432' },
      { ...common, state: 'listening', endpoint: '0.0.0.0:80' },
      { ...common, state: null, endpoint: '/bin/sleep' },
    ]);
    expect(list).toHaveLength(53);
    expect(list.slice(0, 2)).toMatchObject([{ state: 'listening' }, { program: '/bin/sleep' }]);
  });

  const listener = (port: number) => ({
    listening: true,
    address: () => ({ address: '0.0.0.0', port }),
  });

  it('look at the state of 500 accepted streams, of 100 where there are thousands, and count the others', () => {
    const server = listener(80);
    const groupsOf = (length: number) =>
      listHandles(Array.from({ length }, () => ({ writableLength: 1, server }))).groups;
    expect(groupsOf(2000)).toMatchObject([
      { state: 'not looked at', endpoint: '0.0.0.0:80', count: 1500 },
      { state: 'open', endpoint: '0.0.0.0:80', count: 500, queuedBytes: 500 },
    ]);
    expect(groupsOf(10_000)).toMatchObject([
      { state: 'not looked at', endpoint: '0.0.0.0:80', count: 9900 },
      { state: 'open', endpoint: '0.0.0.0:80', count: 100, queuedBytes: 100 },
    ]);
  });

  it('count thousands by their server, and find what else is between and behind them', () => {
    const [first, second] = [listener(80), listener(81)];
    const broken = {
      listening: true,
      address: () => {
        throw new Error('injected');
      },
    };
    const accepted = (server: object) => ({ writableLength: 0, server });
    const looked = Array.from({ length: 500 }, () => accepted(first));
    const rest = Array.from({ length: 600 }, (_, n) =>
      accepted([first, second, broken][n % 3] as object),
    );
    const child = { spawnfile: '/bin/sleep', pid: 7 };
    const { list, groups } = listHandles([...looked, ...rest, child, ...rest]);
    expect(groups).toMatchObject([
      { state: 'open', endpoint: '0.0.0.0:80', count: 500 },
      { state: 'not looked at', endpoint: '0.0.0.0:80', count: 400 },
      { state: 'not looked at', endpoint: '0.0.0.0:81', count: 400 },
      { type: 'unreadable', count: 400 },
      { endpoint: '/bin/sleep', count: 1 },
    ]);
    expect(list[0]).toMatchObject({ program: '/bin/sleep' });
  });
});
