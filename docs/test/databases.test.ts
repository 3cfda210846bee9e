import { get, type IncomingMessage } from 'node:http';
import { describeServer } from '../../tools/servers/describe-server';
import { runExample } from './run-example';

describeServer('PostgreSQL', 'postgres.ts', (url) => {
  it('commits the order that was in flight at SIGTERM, and says so', async () => {
    const example = runExample('postgres', { DATABASE_URL: url });
    const origin = await example.origin;
    const answer = new Promise<string>((resolve, reject) => {
      const request = get(`${origin}/tea`, async (response: IncomingMessage) => {
        resolve((await response.toArray()).join(''));
      });
      request.once('error', reject);
    });
    await example.gotRequest('/tea');
    example.kill('SIGTERM');
    expect(await answer).toBe('order 1\n');
    const { signal, err } = await example.ended;
    expect(signal).toBe('SIGTERM');
    expect(err).toMatch(/intake +web +ok .* 1 drained, 0 cut/);
    expect(err).toMatch(/resources orders +ok .* 0 drained, 0 cut/);
  });
});
