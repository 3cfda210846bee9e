import { connect } from 'node:net';
import { get } from './get';
import { type OrderedProgram, runProgram } from './run-program';

const TOKEN = '0123456789abcdef0123456789abcdef';

/** Sends bytes as they are; gives all that comes back. */
async function sendRaw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.setTimeout(10_000, () => socket.destroy(new Error('no answer in 10 s')));
  socket.write(bytes);
  let got = '';
  for await (const chunk of socket.setEncoding('latin1')) got += chunk;
  return got;
}

describe('hostile requests', () => {
  let program: OrderedProgram;
  let port: number;
  beforeAll(async () => {
    program = runProgram(`up({ allowedHosts: ['debug.example'] });`);
    port = await program.port;
  });
  afterAll(() => program.kill('SIGKILL'));

  const HOSTS = [
    'evil.example',
    'localhost.evil.example',
    'evil.example:6060',
    '127.0.0.1.evil.example',
    '127.1',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '2130706433',
    '127.000.000.001',
    '0.0.0.0',
    '10.0.0.1',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[0:0:0:0:0:0:0:1]',
    'localhost@evil.example',
    'localhost, evil.example',
    'localhost6',
    'localhost.',
    '127.0.0.1:port',
    '[::1',
    '',
  ];
  it.each(HOSTS)("are refused under the name '%s'", async (host) => {
    const answer = await sendRaw(
      port,
      `GET /debug/status HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 (421|400) /);
    expect(answer).not.toContain('"pid"');
  });

  it.each([
    'localhost',
    'LOCALHOST:8080',
    '127.0.0.1',
    '127.0.0.1:1',
    '[::1]',
    '[::1]:6060',
    'debug.example:6060',
  ])("are served under the name '%s'", async (host) => {
    expect(await get(port, '/livez', { headers: { host } })).toMatchObject({ status: 200 });
  });

  it('are refused without a Host, with two, and with one in the target', async () => {
    expect(await sendRaw(port, 'GET /livez HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await sendRaw(port, 'GET /livez HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    const two =
      'GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n';
    expect(await sendRaw(port, two)).toMatch(/^HTTP\/1\.1 400 /);
    const absolute =
      'GET http://evil.example/livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    expect(await sendRaw(port, absolute)).toMatch(/^HTTP\/1\.1 404 /);
  });

  it.each([
    [{ origin: 'http://evil.example' }],
    [{ origin: 'null' }],
    [{ origin: 'http://localhost:3000' }],
    [{ origin: 'http://127.0.0.1' }],
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
    [{ 'sec-fetch-site': 'nonsense' }],
  ])('are refused from other sites: %j', async (headers) => {
    for (const path of ['/', '/debug/status', '/debug/pprof/profile?seconds=1', '/livez']) {
      const { status, headers: got } = await get(port, path, { headers });
      expect(status).toBe(403);
      expect(got['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('are served from its own pages', async () => {
    const origin = `http://127.0.0.1:${port}`;
    const headers = { origin, 'sec-fetch-site': 'same-origin' };
    expect(await get(port, '/debug/status', { headers })).toMatchObject({ status: 200 });
    expect(await get(port, '/', { headers: { 'sec-fetch-site': 'none' } })).toMatchObject({
      status: 200,
    });
  });

  it.each([
    '/../package.json',
    '/assets/../../package.json',
    '/assets/..%2f..%2f..%2fpackage.json',
    '/assets/%2e%2e/%2e%2e/package.json',
    '/assets/....//....//package.json',
    '/assets/..\\..\\package.json',
    '//etc/passwd',
    '/%00',
    '/assets/',
    '/assets',
    '/.types',
    '/debug/pprof/../status',
    '/debug//status',
    '/DEBUG/STATUS',
    '/__proto__',
    '/constructor',
  ])('reach nothing by the path %s', async (path) => {
    const answer = await get(port, path);
    expect(answer.status).toBe(404);
    expect(answer.text).toBe('nothing here; see / and /debug/pprof/\n');
  });

  it.each([
    'profile?seconds=0',
    'profile?seconds=61',
    'profile?seconds=-1',
    'profile?seconds=1e9',
    'profile?seconds=99999999999999999999',
    'profile?seconds=1.5',
    'profile?seconds=NaN',
    'profile?seconds=',
    'profile?seconds=0x10',
    'heap?seconds=61',
    'allocs?seconds=61',
    'profile?format=exe',
    'heap?format=cpuprofile',
    'goroutine?debug=3',
    'goroutine?awaits=never',
  ])('ask in vain for %s', async (path) => {
    expect(await get(port, `/debug/pprof/${path}`)).toMatchObject({ status: 400 });
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])(
    'are refused when they are %s',
    async (method) => {
      const answer = await get(port, '/debug/status', { method });
      expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    },
  );

  it('are refused when they have a body', async () => {
    const headers = { 'content-length': '5' };
    expect(await get(port, '/livez', { headers, body: 'hello' })).toMatchObject({ status: 400 });
  });

  it('cause no work by HEAD', async () => {
    for (const path of [
      '/debug/dump',
      '/debug/pprof/profile',
      '/debug/pprof/heap',
      '/debug/stream',
    ])
      expect(await get(port, path, { method: 'HEAD' })).toMatchObject({ status: 405 });
  });

  it('get answers that browsers neither keep, sniff nor embed, without a stack', async () => {
    for (const path of ['/', '/livez', '/debug/status', '/nothing', '/debug/pprof/', '/metrics']) {
      const { headers, text } = await get(port, path);
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers['content-security-policy']).toContain('frame-ancestors');
      expect(headers['set-cookie']).toBeUndefined();
      expect(text).not.toMatch(/\bat .*:\d+:\d+/);
    }
  });

  it('with headers without end are cut off', async () => {
    const answer = await sendRaw(
      port,
      `GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('asking for 1000 dumps at once get a few, shared, and the process goes on', async () => {
    program.order(`globalThis.dumps = 0; proc.events.on('dump', () => { dumps++; });`);
    const all = await Promise.allSettled(
      Array.from({ length: 1000 }, () =>
        get(port, '/debug/dump?awaits=never', { deadlineMs: 20_000 }),
      ),
    );
    const statuses = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value.status] : []));
    expect(statuses).toContain(200);
    for (const status of statuses) expect([200, 503]).toContain(status);
    program.order("say('dumps: ' + (dumps < 30 ? 'few' : dumps) + '.');");
    await program.saw('dumps: few.');
    expect(await get(port, '/livez')).toMatchObject({ status: 200 });
  });

  it.each([
    ['ask nothing', ''],
    ['do not end their headers', 'GET /livez HTTP/1.1\r\nHost: localhost\r\nX: '],
    ['do not wait for answers', 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(900)],
  ])('on 100 connections that %s do not keep a health check out', async (_, bytes) => {
    const sockets = Array.from({ length: 100 }, () => {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      socket.pause();
      socket.write(bytes);
      return socket;
    });
    await Promise.all(
      sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))),
    );
    for (let i = 0; i < 5; i++)
      expect(await get(port, '/livez', { deadlineMs: 20_000 })).toMatchObject({ status: 200 });
    for (const socket of sockets) socket.destroy();
  });
});

describe('a devserver with a token', () => {
  let program: OrderedProgram;
  let port: number;
  beforeAll(async () => {
    program = runProgram(
      `
      proc.health.addProbe('secret-database');
      up({ host: '0.0.0.0' });`,
      { LASTCALL_DEVSERVER_TOKEN: TOKEN },
    );
    port = await program.port;
  });
  afterAll(() => program.kill('SIGKILL'));

  it.each([
    '/debug/status',
    '/debug/dump',
    '/debug/pprof/',
    '/debug/pprof/cmdline',
    '/metrics',
    '/debug/report',
  ])('shows %s only to those who have it', async (path) => {
    const none = await get(port, path);
    expect(none).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
    const wrong = { authorization: `Bearer ${TOKEN.slice(0, -1)}0` };
    expect(await get(port, path, { headers: wrong })).toMatchObject({ status: 401 });
    expect(await get(port, `${path}?token=${TOKEN}x`)).toMatchObject({ status: 401 });
    const right = { authorization: `Bearer ${TOKEN}` };
    expect(await get(port, path, { headers: right })).toMatchObject({ status: 200 });
    expect(await get(port, `${path}?token=${TOKEN}`)).toMatchObject({ status: 200 });
  });

  it('shows health to everybody, names of probes not', async () => {
    expect(await get(port, '/livez')).toMatchObject({ status: 200 });
    expect(await get(port, '/readyz')).toMatchObject({
      status: 503,
      text: 'Service Unavailable\n',
    });
    expect((await get(port, `/readyz?token=${TOKEN}`)).text).toContain(
      'secret-database is not ready',
    );
    expect(await get(port, '/')).toMatchObject({ status: 200 });
  });

  it('goes by any address when it listens on all, but by no name', async () => {
    expect(await get(port, '/livez', { headers: { host: '10.1.2.3:6060' } })).toMatchObject({
      status: 200,
    });
    expect(await get(port, '/livez', { headers: { host: 'evil.example' } })).toMatchObject({
      status: 421,
    });
  });
});
