import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { acceptQueue } from '../src/listener-close';
import { within } from './harness/deadline';
import { disposeServers, ended, TestServer } from './harness/test-server';

afterEach(disposeServers);
afterEach(() => jest.restoreAllMocks());

/** More than a turn of the event loop can accept and answer: there is a connection to accept in each. */
const CLIENTS = 32;

/** Keeps the event loop busy, so that turns are long and few. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('a busy process closes its listener although connections do not stop coming', () => {
  // A backlog of them would take seconds, and the longest queue of a kernel longer than a stop has.
  it.each([
    ['of clients that come back when they are told to close', true, 200, false],
    ['of clients that make one for each request', false, 2000, false],
    ['on a machine that has no CPU for it', false, 2000, true],
  ])('%s', async (_name, keepAlive, most, isStarved) => {
    if (isStarved) jest.spyOn(process, 'cpuUsage').mockReturnValue({ user: 0, system: 0 });
    const server = ended(
      await TestServer.start('http', (_request, response) => {
        work(5);
        response.end('busy');
      }),
    );
    const { port } = server.target;
    let accepted = 0;
    let answered = 0;
    server.server.on('connection', () => {
      accepted++;
    });
    const agent = server.owns(new Agent({ keepAlive, maxSockets: CLIENTS }));
    const ask = (): Promise<string> =>
      new Promise((resolve) => {
        const sent = request({ port, host: '127.0.0.1', agent }, (response) => {
          response.resume().on('end', () => resolve('answered'));
        });
        sent.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
        sent.end();
      });
    const client = async (): Promise<string> => {
      for (;;) {
        const outcome = await ask();
        if (outcome !== 'answered') return outcome;
        answered++;
      }
    };
    const clients = Array.from({ length: CLIENTS }, client);
    await server.settled(() => answered > 2 * CLIENTS);
    const before = accepted;
    const stopped = within('stop()', server.beginStop(), 25_000);
    await expect(stopped).resolves.toMatchObject({ cut: [] });
    expect(accepted - before).toBeLessThan(most);
    // Those that wait longer than the listener stays open are reset.
    for (const outcome of await within('the clients', Promise.all(clients)))
      expect(outcome).toMatch(/^ECONN(REFUSED|RESET)$/);
  });
});

describe('a process with time closes its listener although connections do not stop coming', () => {
  it('at a turn without one, once half a second is over', async () => {
    const { server } = ended(await TestServer.start('http', () => {}));
    // A clock of its own: of turns of 0.2 ms, three in four of which bring a connection. Each turn asks twice for the CPU's time.
    let halfTurns = -1;
    jest.spyOn(performance, 'now').mockImplementation(() => halfTurns / 10);
    jest.spyOn(process, 'cpuUsage').mockImplementation(() => {
      halfTurns++;
      return { user: 0, system: 0 };
    });
    const turn = () => Math.floor(halfTurns / 2);
    const tracker = {
      size: 1,
      get accepted() {
        return turn() - Math.floor(turn() / 4);
      },
    };
    const closed = new Promise<void>((resolve) => {
      acceptQueue(server, tracker as never, true, { crowded: () => {}, closed: resolve });
    });
    await within('the close', closed);
    expect(turn() % 4).toBe(0);
    expect(turn() / 5).toBeCloseTo(500, -1);
  });
});

describe('the listener of a server that is used again', () => {
  it('is left alone by a stop that the hammer ended before it had closed the listener', async () => {
    const server = ended(
      await TestServer.start('http', (_request, response) => response.end('ok')),
    );
    const stopped = server.beginStop();
    server.hammer();
    server.drain.detach();
    server.server.listen(0, '127.0.0.1');
    await within('stop()', stopped);
    // Not a wait for something to happen: for several looks that must not be taken.
    await delay(20);
    expect(server.server.listening).toBe(true);
  });
});
