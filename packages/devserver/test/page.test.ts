import { get } from './get';
import { type OrderedProgram, runProgram } from './run-program';

describe('the page', () => {
  let program: OrderedProgram;
  let port: number;
  beforeAll(async () => {
    program = runProgram('up();');
    port = await program.port;
  });
  afterAll(() => program.kill('SIGKILL'));

  it('is the dashboard, with all that it refers to, and without inline scripts', async () => {
    const { status, headers, text } = await get(port, '/');
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'/,
    );
    expect(text).not.toMatch(/<script>|\son\w+=/);
    const paths = [...text.matchAll(/(?:src|href)="\/?(assets\/[^"]+)"/g)].map(
      ([, path]) => `/${path}`,
    );
    expect(paths.length).toBeGreaterThan(1);
    for (const path of paths) expect([path, (await get(port, path)).status]).toEqual([path, 200]);
  });

  it('has speedscope in a frame of the same origin', async () => {
    const { status, headers } = await get(port, '/speedscope/index.html');
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toContain("frame-ancestors 'self'");
  });

  it('is all that is served of its folder', async () => {
    for (const path of ['/index.html', '/build.mjs', '/assets/.types/main.d.ts', '/.tsbuildinfo'])
      expect(await get(port, path)).toMatchObject({ status: 404 });
  });
});
