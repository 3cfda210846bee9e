import type { ConsumerReply, OpenConnection, OpenSubscription, SendRequest } from './nats-types';

/** How long the server may take to say what a consumer has in hand. */
const INFO_MS = 300;

/** Where messages of JetStream are acknowledged. */
const ACK_SUBJECT = '$JS.ACK.';

/** A consumer, by the subject on which a message of it is acknowledged. */
interface ConsumerAddress {
  /** Where the server is asked about its stream. */
  readonly api: string;
  readonly stream: string;
  readonly consumer: string;
}

/** Finds the JetStream consumers of a connection that were not given to `track()`: their messages come to inboxes. */
export class UntrackedConsumers {
  readonly #ask: SendRequest | undefined;
  /** By inbox, where its first message of JetStream was to be acknowledged. */
  readonly #found = new Map<OpenSubscription, string>();

  constructor(connection: OpenConnection) {
    this.#ask = connection.request?.bind(connection);
  }

  /** Looks at what comes to `inbox` until it is known to be one of JetStream. */
  watch(inbox: OpenSubscription): void {
    const { callback } = inbox;
    if (callback === undefined) return;
    const look: typeof callback = (error, message) => {
      const reply = message?.reply;
      if (reply?.startsWith(ACK_SUBJECT) === true) {
        this.#found.set(inbox, reply);
        if (inbox.callback === look) inbox.callback = callback;
      }
      return callback.call(inbox, error, message);
    };
    inbox.callback = look;
    const forget = (): void => void this.#found.delete(inbox);
    inbox.closed.then(forget, forget);
  }

  /** What of them the server waits for an acknowledgement of: a sentence each. @param tracked - The others' inboxes. */
  async missed(tracked: ReadonlySet<unknown>): Promise<string[]> {
    const left = [...this.#found].filter(([inbox]) => !tracked.has(inbox) && !inbox.isClosed());
    const told = await Promise.all(left.map(([, reply]) => this.#describe(addressOf(reply))));
    return told.filter((what) => what !== undefined);
  }

  async #describe({ api, stream, consumer }: ConsumerAddress): Promise<string | undefined> {
    const subject = `${api}.CONSUMER.INFO.${stream}.${consumer}`;
    const answer = await this.#ask?.(subject, '', { timeout: INFO_MS });
    const { config, num_ack_pending: pending = 0 } =
      (answer as ConsumerReply | undefined)?.json() ?? {};
    if (pending === 0 || config?.ack_policy === 'none') return undefined;
    return `the JetStream consumer '${stream} ${consumer}' was not given to track() before it began: of its messages ${pending} are not acknowledged; those that are in hand here are neither waited for nor listed, and are delivered again`;
  }
}

/** `$JS.ACK.<stream>.<consumer>` and five tokens more; servers since 2.9 have `<domain>.<account>` before the stream. */
function addressOf(reply: string): ConsumerAddress {
  const tokens = reply.split('.').slice(2);
  if (tokens.length === 7) {
    const [stream = '', consumer = ''] = tokens;
    return { api: '$JS.API', stream, consumer };
  }
  const [domain = '_', , stream = '', consumer = ''] = tokens;
  return { api: domain === '_' ? '$JS.API' : `$JS.${domain}.API`, stream, consumer };
}
