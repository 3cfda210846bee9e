import { connect, createServer, type Server, type Socket } from 'node:net';

/** A proxy between a test and a shared server, to cut and freeze what must not be touched itself. */
export interface TcpProxy {
  readonly port: number;
  /** The given URL, with the proxy in place of the server. */
  via(url: string): string;
  /** How many clients are connected. */
  readonly connections: number;
  /** From now on nothing goes through, and nothing is closed: a server that hangs, or a network that drops packets. */
  freeze(): void;
  /** Resets every connection and takes no more: a server that was killed. */
  kill(): void;
  /** Resets every connection, and goes on with new ones. */
  reset(): void;
  close(): void;
}

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<{ readonly client: Socket; readonly upstream: Socket }>();
  const left = new WeakSet<Socket>();
  let isFrozen = false;

  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port: Number(port), host: hostname });
    const pair = { client, upstream };
    pairs.add(pair);
    client.on('error', () => {});
    upstream.on('error', () => {});
    client.on('data', (data) => {
      if (!isFrozen) upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (!isFrozen) client.write(data);
    });
    client.on('end', () => {
      left.add(client);
      if (!isFrozen) upstream.end();
    });
    client.on('close', () => {
      pairs.delete(pair);
      upstream.destroy();
    });
    upstream.on('close', () => {
      if (!isFrozen) client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as { port: number };

  function drop(reset: boolean): void {
    for (const { client, upstream } of pairs) {
      if (reset) client.resetAndDestroy();
      else client.destroy();
      upstream.destroy();
    }
  }

  return {
    port: address.port,
    via: (url) => {
      const proxied = new URL(url);
      proxied.hostname = '127.0.0.1';
      proxied.port = String(address.port);
      return proxied.toString();
    },
    get connections() {
      return [...pairs].filter(({ client }) => !left.has(client)).length;
    },
    freeze: () => {
      isFrozen = true;
    },
    kill: () => {
      server.close();
      drop(true);
    },
    reset: () => {
      isFrozen = false;
      drop(true);
    },
    close: () => {
      server.close();
      drop(false);
    },
  };
}
