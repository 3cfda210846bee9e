import type { Ledger } from '../drain/ledger';
import { NatsEntry } from './nats-entry';
import type { OpenConnection, SendRequest } from './nats-types';

/** How long the client waits for many replies when it is not told. */
const MAX_WAIT_MS = 1000;

/** What consumers of JetStream ask the server of themselves. */
const ABOUT_CONSUMERS = /^\$JS\.(?:.+\.)?API\.CONSUMER\./;

type Name = 'request' | 'requestMany';

/** A request of this process, also what it publishes to JetStream: whoever gets it may have done it without our hearing of that. */
class OwnRequest extends NatsEntry {
  constructor(subject: string) {
    super(subject, 'request');
  }

  override get abandoned(): 'outcome unknown' {
    return 'outcome unknown';
  }
}

/** Stands in front of `connection.request()` and `requestMany()`: a close of the connection fails what waits for a reply. */
export class OwnRequests {
  readonly #connection: OpenConnection;
  readonly #ledger: Ledger<NatsEntry>;
  readonly #waiting = new Map<OwnRequest, Promise<void>>();
  #isRefusing = false;

  constructor(connection: OpenConnection, ledger: Ledger<NatsEntry>) {
    this.#connection = connection;
    this.#ledger = ledger;
    this.#gate('request', () => undefined);
    this.#gate('requestMany', endOfReplies);
  }

  /** The connection is about to be closed: refuses what would be lost with it, and waits for what is not answered yet. */
  async end(): Promise<void> {
    this.#isRefusing = true;
    await Promise.all(this.#waiting.values());
  }

  /** The connection closes now, whoever waits. */
  giveUp(): void {
    for (const [entry] of this.#waiting) this.#ledger.giveUp(entry, entry.abandoned);
  }

  restore(): void {
    const own = this.#connection as Partial<OpenConnection>;
    delete own.request;
    delete own.requestMany;
  }

  /** @param rest - Settles when what came back is at its end; undefined: it is. */
  #gate(name: Name, rest: (reply: unknown, options?: RequestOptions) => unknown): void {
    const send = this.#connection[name]?.bind(this.#connection);
    if (send === undefined) return;
    this.#connection[name] = (subject, payload, options) => {
      if (ABOUT_CONSUMERS.test(subject)) return send(subject, payload, options);
      if (this.#isRefusing) return Promise.reject(this.#ledger.refusal());
      const reply = send(subject, payload, options);
      this.#keep(
        new OwnRequest(subject),
        reply.then((found) => rest(found, options)),
      );
      return reply;
    };
  }

  #keep(entry: OwnRequest, answered: Promise<unknown>): void {
    const end = (): void => {
      this.#waiting.delete(entry);
      this.#ledger.end(entry);
    };
    this.#ledger.begin(entry);
    this.#waiting.set(entry, answered.then(end, end));
  }
}

type RequestOptions = Parameters<SendRequest>[2];

/** The client ends many replies only when they are read, but takes no more after `maxWait`. */
function endOfReplies(replies: unknown, options?: RequestOptions): Promise<unknown> | undefined {
  const { iterClosed } = replies as { readonly iterClosed?: Promise<unknown> };
  if (iterClosed === undefined) return undefined;
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, options?.maxWait ?? MAX_WAIT_MS);
    const end = (): void => {
      clearTimeout(timer);
      resolve(undefined);
    };
    iterClosed.then(end, end);
  });
}
