import { connect } from 'node:net';
import { within } from '../../http/test/harness/deadline';
import { disposeServers, TestServer } from './harness/test-server';

afterEach(disposeServers);

/** More than a turn of the event loop accepts: one waits in each. */
const CLIENTS = 16;

/** Keeps the event loop busy, so that turns are long and few. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

it('a busy process closes its listener although connections do not stop coming', async () => {
  const server = await TestServer.start();
  let answered = 0;
  /** A client that makes one connection after the other, until none is accepted. */
  const knock = (): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect({ port: server.port, host: '127.0.0.1' });
      socket.on('error', () => {});
      // The settings of HTTP/2.
      socket.once('data', () => {
        answered++;
        work(8);
        socket.destroy();
      });
      socket.once('close', (hadError) => resolve(hadError ? undefined : knock()));
    });
  const clients = Promise.all(Array.from({ length: CLIENTS }, knock));
  await within(
    'connections',
    until(() => answered > 2 * CLIENTS),
  );
  const stopped = server.beginStop();
  // The longest queue of a kernel would take longer than a stop has.
  await within(
    'the listener to close',
    until(() => !server.drain.isListening),
    25_000,
  );
  await within('the clients', clients);
  await expect(stopped).resolves.toMatchObject({ cut: [] });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setImmediate(done));
}
