import { mkdtempSync, renameSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listen } from '../src/worker/listen';
import { get } from './get';

describe('two servers that begin to listen on one unix socket at the same time', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  it.each([
    ['where nothing is', async () => {}],
    ['where a killed process has left its socket', leaveSocket],
  ])('do not take it from each other, %s', async (_, prepare) => {
    const path = join(mkdtempSync(join(tmpdir(), 'lastcall-')), 'debug.sock');
    await prepare(path);
    const answers = ['one', 'two'];
    const both = await Promise.allSettled(
      answers.map((answer) => {
        const server = createServer((_request, response) => response.end(answer));
        servers.push(server);
        return listen(server, { path });
      }),
    );
    const refused = both.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []));
    expect(refused).toEqual(['EADDRINUSE']);
    const listens = both.findIndex(({ status }) => status === 'fulfilled');
    const { text } = await get(0, '/', { socketPath: path });
    expect(text).toBe(answers[listens]);
  });
});

/** As a process does that is killed: a closed server removes its socket, but not under the name that it was moved to. */
async function leaveSocket(path: string): Promise<void> {
  const server = createSocketServer();
  await new Promise<void>((resolve) => server.listen(`${path}.other`, resolve));
  renameSync(`${path}.other`, path);
  await new Promise((resolve) => server.close(resolve));
}
