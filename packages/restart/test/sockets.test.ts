import dgram from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { freePort } from './harness/free-port';
import { ask, Service, send, temporaryDirectory } from './harness/service';
import { handshake } from './harness/tls-client';

async function upgrade(service: Service, generation: number): Promise<number> {
  const pid = await service.ready(generation);
  send(pid, 'SIGHUP');
  await service.saw({ pid, step: 'done' });
  await service.gone(pid);
  return service.ready(generation + 1);
}

const host = '127.0.0.1';

describe('a listen set that changes between generations', () => {
  it('binds new names, and closes dropped ones', async () => {
    const web = { name: 'web', port: 0, host };
    const path = join(temporaryDirectory(), 'admin.sock');
    await using service = new Service({
      plan: {
        1: { sockets: [web, { name: 'old', port: 0, host }, { name: 'admin', path }] },
        2: { sockets: [web, { name: 'new', port: 0, host }] },
      },
    });
    const dropped = await service.address('old');
    const next = await upgrade(service, 1);
    expect(await ask(await service.address('new', 2))).toBe(`2:${next}`);
    expect(await ask(await service.address('web', 2))).toBe(`2:${next}`);
    await expect(ask(dropped)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(existsSync(path)).toBe(false);
  });

  it('binds a name anew whose port has changed', async () => {
    const [first, second] = [await freePort(), await freePort()];
    await using service = new Service({
      plan: {
        1: { sockets: [{ name: 'web', port: first, host }] },
        2: { sockets: [{ name: 'web', port: second, host }] },
      },
    });
    const next = await upgrade(service, 1);
    expect(await ask(`${host}:${second}`)).toBe(`2:${next}`);
    await expect(ask(`${host}:${first}`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('takes over a socket whose name has changed', async () => {
    const port = await freePort();
    await using service = new Service({
      plan: {
        1: { sockets: [{ name: 'web', port, host }] },
        2: { sockets: [{ name: 'api', port, host }] },
      },
    });
    const next = await upgrade(service, 1);
    const { bound } = await service.when('the socket api', () =>
      service.events.find((event) => event.generation === 2 && event.bound !== undefined),
    );
    expect(bound).toEqual({ name: 'api', address: `${host}:${port}`, inherited: true });
    expect(await ask(`${host}:${port}`)).toBe(`2:${next}`);
  });
});

it('a socket that is asked for after ready() is not handed on, and the error says why', async () => {
  const admin = { name: 'admin', port: await freePort(), host };
  await using service = new Service({ plan: { '*': { lateSockets: [admin] } } });
  const old = await service.ready(1);
  await service.address('admin', 1);
  send(old, 'SIGHUP');
  const { message } = await service.saw({ generation: 2, failed: 'LASTCALL_SOCKET_IN_USE' });
  expect(message).toContain('before restart.ready()');
  await service.saw({ pid: old, step: 'rolled-back' });
  for (const name of ['web', 'admin'])
    expect(await ask(await service.address(name, 1))).toBe(`1:${old}`);
});

it('no socket leaks to processes that the service starts', async () => {
  await using service = new Service({ plan: { '*': { listFds: true, setup: { bakeMs: 50 } } } });
  await upgrade(service, 1);
  const { fds } = await service.when('the list of the second generation', () =>
    service.events.find((event) => event.generation === 2 && event.fds !== undefined),
  );
  // Node talks to the child by sockets of its own, which are its descriptors 0 to 2.
  const others = String(fds)
    .split('\n')
    .filter((line) => line.includes('socket:') && !/ [012] -> /.test(line));
  expect(others).toEqual([]);
});

describe('a unix socket', () => {
  it('replaces a stale path', async () => {
    const path = join(temporaryDirectory(), 'web.sock');
    const plan = { '*': { sockets: [{ name: 'web', path }] } };
    const dead = new Service({ plan });
    await dead.ready(1);
    await dead[Symbol.asyncDispose]();
    expect(existsSync(path)).toBe(true);
    await using service = new Service({ plan });
    const pid = await service.ready(1);
    expect(await ask(path)).toBe(`1:${pid}`);
  });

  it.each(['path', 'fastify path'])('replaces a stale path for a framework: %s', async (name) => {
    const path = join(temporaryDirectory(), 'web.sock');
    const options = { fixture: 'frameworks.cjs', env: { FRAMEWORK: name, SOCKET_PATH: path } };
    const dead = new Service(options);
    await dead.ready(1);
    await dead[Symbol.asyncDispose]();
    expect(existsSync(path)).toBe(true);
    await using service = new Service(options);
    await service.ready(1);
    expect(await ask(path)).toBe('1');
  });

  it('is not taken by a framework from a service that lives, nor put in the place of a file', async () => {
    const directory = temporaryDirectory();
    const [path, file] = [join(directory, 'web.sock'), join(directory, 'file')];
    writeFileSync(file, 'precious');
    const framework = (SOCKET_PATH: string): Service =>
      new Service({ fixture: 'frameworks.cjs', env: { FRAMEWORK: 'path', SOCKET_PATH } });
    await using first = framework(path);
    await first.ready(1);
    for (const taken of [path, file]) {
      await using second = framework(taken);
      await second.saw({ failed: 'LASTCALL_SOCKET_IN_USE' });
    }
    expect(await ask(path)).toBe('1');
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });

  it('is not taken by a framework from a service that hangs', async () => {
    const path = join(temporaryDirectory(), 'web.sock');
    await using first = new Service({ plan: { '*': { sockets: [{ name: 'web', path }] } } });
    const pid = await first.ready(1);
    send(pid, 'SIGSTOP');
    const env = { FRAMEWORK: 'path', SOCKET_PATH: path };
    await using second = new Service({ fixture: 'frameworks.cjs', env });
    await second.saw({ failed: 'LASTCALL_SOCKET_IN_USE' });
    send(pid, 'SIGCONT');
    expect(await ask(path)).toBe(`1:${pid}`);
  });

  it('is not taken away from a service that lives, nor put in the place of a file', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'web.sock');
    const file = join(directory, 'file');
    writeFileSync(file, 'precious');
    await using first = new Service({ plan: { '*': { sockets: [{ name: 'web', path }] } } });
    const pid = await first.ready(1);
    for (const taken of [path, file]) {
      await using second = new Service({
        plan: { '*': { sockets: [{ name: 'web', path: taken }] } },
      });
      await second.saw({ failed: 'LASTCALL_SOCKET_IN_USE' });
    }
    expect(await ask(path)).toBe(`1:${pid}`);
  });

  it('is not taken away from a service that hangs, and whose queue is full', async () => {
    const path = join(temporaryDirectory(), 'web.sock');
    const sockets = [{ name: 'web', path, backlog: 1 }];
    await using first = new Service({ plan: { '*': { sockets } } });
    const pid = await first.ready(1);
    send(pid, 'SIGSTOP');
    const waiting: net.Socket[] = [];
    for (let code = ''; code === ''; ) {
      const socket = net.connect(path);
      waiting.push(socket);
      code = await new Promise((resolve) => {
        socket.once('connect', () => resolve(''));
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      });
    }
    await using second = new Service({ plan: { '*': { sockets } } });
    await second.saw({ failed: 'LASTCALL_SOCKET_IN_USE' });
    send(pid, 'SIGCONT');
    // Who has waited longest is answered when the queue has been emptied: before that it takes nobody.
    waiting[0]?.write('GET / HTTP/1.0\r\n\r\n');
    await once(waiting[0] as net.Socket, 'data');
    for (const socket of waiting) socket.destroy();
    expect(await ask(path)).toBe(`1:${pid}`);
  });

  it('that could not be bound leaves nothing behind', async () => {
    const path = join(temporaryDirectory(), 'missing', 'web.sock');
    await using service = new Service({ plan: { '*': { sockets: [{ name: 'web', path }] } } });
    await service.saw({ failed: 'EACCES' });
    mkdirSync(join(path, '..'));
    await using second = new Service({ plan: { '*': { sockets: [{ name: 'web', path }] } } });
    await second.ready(1);
  });

  it.each([100, 107])('has the longest path that there is room for: %p bytes', async (length) => {
    const directory = temporaryDirectory();
    const paths = ['a', 'b'].map((letter) =>
      join(directory, letter.repeat(length - directory.length - 1)),
    );
    const sockets = paths.map((path, index) => ({ name: `web${index}`, path }));
    await using service = new Service({ plan: { '*': { sockets } } });
    const next = await upgrade(service, 1);
    for (const path of paths) expect(await ask(path)).toBe(`2:${next}`);
    expect(readdirSync(directory)).toHaveLength(2);
  });

  it('is refused with a path that there is no room for, and leaves nothing behind', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'a'.repeat(108 - directory.length - 1));
    await using service = new Service({ plan: { '*': { sockets: [{ name: 'web', path }] } } });
    await service.saw({ failed: 'LASTCALL_BAD_OPTION' });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('with an abstract name goes over, too', async () => {
    const path = `\0lastcall-test-${process.pid}-${Date.now()}`;
    await using service = new Service({ plan: { '*': { sockets: [{ name: 'web', path }] } } });
    const next = await upgrade(service, 1);
    expect(await ask(path)).toBe(`2:${next}`);
  });
});

it('a port may be a text, as environment variables are', async () => {
  const port = await freePort();
  await using service = new Service({
    plan: { 1: { sockets: [{ name: 'web', port: String(port), host }] } },
  });
  expect(await service.address()).toBe(`${host}:${port}`);
  await upgrade(service, 1);
});

describe('kinds of sockets', () => {
  it('UDP: every datagram is answered across an upgrade', async () => {
    await using service = new Service({ fixture: 'kinds.cjs' });
    const { address } = await service.saw({ name: 'udp', generation: 1 });
    const port = Number(String(address).split(':')[1]);
    const client = dgram.createSocket('udp4');
    const seen = new Set<string>();
    let sent = 0;
    let answered = 0;
    const isDone = new Promise<void>((resolve) => {
      client.on('message', (message) => {
        answered += 1;
        seen.add(String(message).split(':')[0] ?? '');
        if (seen.has('2') && answered >= 50) resolve();
        else fire();
      });
    });
    const fire = (): void => {
      sent += 1;
      client.send('ping', port, host);
    };
    fire();
    await upgrade(service, 1);
    await isDone;
    client.close();
    expect(sent - answered).toBeLessThanOrEqual(0);
    expect([...seen]).toContain('2');
  });

  it('TLS: a client resumes its session in the next generation', async () => {
    await using service = new Service({ fixture: 'kinds.cjs' });
    const { address } = await service.saw({ name: 'tls', generation: 1 });
    const port = Number(String(address).split(':')[1]);
    const session = await handshake(port);
    expect(session.reused).toBe(false);
    await upgrade(service, 1);
    const again = await handshake(port, session.ticket);
    expect(again).toMatchObject({ reused: true, text: '2' });
  });

  it('net: a connection that is open stays with the old generation', async () => {
    await using service = new Service({ fixture: 'kinds.cjs' });
    const { address } = await service.saw({ name: 'net', generation: 1 });
    const port = Number(String(address).split(':')[1]);
    const socket = net.connect(port, host);
    const [greeting] = await once(socket.setEncoding('utf8'), 'data');
    expect(greeting).toBe('1');
    const pid = await service.ready(1);
    send(pid, 'SIGHUP');
    await service.saw({ pid, step: 'ready' });
    socket.write('still there?');
    const [answer] = await once(socket, 'data');
    expect(answer).toBe('still there?');
    const fresh = net.connect(port, host);
    await service.ready(2);
    const [other] = await once(fresh.setEncoding('utf8'), 'data');
    expect(['1', '2']).toContain(other);
    socket.destroy();
    fresh.destroy();
  });

  it.each(['express', 'fastify', 'port 0', 'port text', 'path'])(
    'frameworks listen with restart.listenOptions(): %s',
    async (name) => {
      const path = join(temporaryDirectory(), 'framework.sock');
      await using service = new Service({
        fixture: 'frameworks.cjs',
        env: { FRAMEWORK: name, SOCKET_PATH: path },
      });
      const { address } = await service.saw({ name: 'api', generation: 1 });
      expect(await ask(String(address))).toBe('1');
      await upgrade(service, 1);
      const { inherited } = await service.saw({ name: 'api', generation: 2 });
      expect(inherited).toBe(true);
      expect(await ask(String(address))).toBe('2');
      await upgrade(service, 2);
      expect(await ask(String(address))).toBe('3');
    },
  );
});

it.each(['fastify path', 'path', 'listen path'])(
  'a server knows the path of its unix socket, in every generation: %s',
  async (name) => {
    const path = join(temporaryDirectory(), 'framework.sock');
    await using service = new Service({
      fixture: 'frameworks.cjs',
      env: { FRAMEWORK: name, SOCKET_PATH: path },
    });
    await service.saw({ listening: path, generation: 1 });
    await upgrade(service, 1);
    await service.saw({ listening: path, generation: 2 });
    expect(await ask(path)).toBe('2');
  },
);
