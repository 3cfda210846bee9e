// Clients that keep their connections alive and never retry, behind a balancer that notices a stop late.
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { answerParent, optionsFromParent } from '../parent';

/** What the clients are started with. */
export interface ClientsOptions {
  readonly clients: number;
  readonly oldPort: number;
  readonly newPort: number;
  /** Whether the balancer moves each request, or only new connections, to the other server. */
  readonly balances: 'requests' | 'connections';
  /** How long the balancer takes to notice that the old server stops. */
  readonly reactionMs: number;
  /** The longest pause of a client between two requests. */
  readonly thinkMs: number;
}

/** What became of the requests. */
export interface LoadCount {
  sent: number;
  answered: number;
  /** Failed on a connection that had carried a request before. */
  failedOnOpen: number;
  /** Failed on a new connection: refused, or reset before the first answer. */
  failedOnNew: number;
}

const REQUEST_LIMIT_MS = 10_000;
const options = optionsFromParent<ClientsOptions>();
const count: LoadCount = { sent: 0, answered: 0, failedOnOpen: 0, failedOnNew: 0 };
let targetPort = options.oldPort;
let isOver = false;

/** A balancer of connections decides where to when a connection is made, one of requests with each request. */
class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #port = options.oldPort;

  constructor() {
    if (options.balances === 'requests') return;
    this.#agent.createConnection = (): Socket => connect({ port: targetPort, host: '127.0.0.1' });
  }

  async run(): Promise<void> {
    await delay(Math.random() * options.thinkMs);
    while (!isOver) {
      if (options.balances === 'requests') this.#port = targetPort;
      count.sent += 1;
      await this.#request();
      await delay(Math.random() * options.thinkMs);
    }
    this.#agent.destroy();
  }

  #request(): Promise<void> {
    return new Promise((resolve) => {
      const request = get({ host: '127.0.0.1', port: this.#port, agent: this.#agent });
      const fail = (): void => {
        if (request.reusedSocket) count.failedOnOpen += 1;
        else count.failedOnNew += 1;
        resolve();
      };
      request.setTimeout(REQUEST_LIMIT_MS, () => request.destroy());
      request.once('error', fail);
      request.once('response', (response: IncomingMessage) => {
        request.off('error', fail);
        request.on('error', () => {});
        response.resume();
        response.once('close', () => {
          if (!response.complete || response.statusCode !== 200) return fail();
          count.answered += 1;
          resolve();
        });
      });
    });
  }
}

let running: Promise<unknown> | undefined;

answerParent({
  start: () => {
    running = Promise.all(Array.from({ length: options.clients }, () => new Client().run()));
  },
  switchLater: () => {
    setTimeout(() => {
      targetPort = options.newPort;
    }, options.reactionMs);
  },
  finish: async (): Promise<LoadCount> => {
    isOver = true;
    await running;
    return count;
  },
});
process.channel?.ref();
