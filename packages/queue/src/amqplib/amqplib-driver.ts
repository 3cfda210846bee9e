import { absorbErrors } from '../drain/absorb-errors';
import type { Ledger } from '../drain/ledger';
import type { QueueDriver } from '../drain/queue-driver';
import { isChannel, isConnection, type OpenChannel, type OpenConnection } from './amqp-types';
import { ChannelGate } from './channel-gate';
import type { Delivery } from './delivery';

const CLOSE_MS = 1000;

/** What a connection of amqplib, or one channel of one, does for its drain. */
export function connectAmqplib(
  target: OpenConnection | OpenChannel,
  ledger: Ledger<Delivery>,
): QueueDriver<Delivery> {
  const gates = new Map<OpenChannel, ChannelGate>();
  /** Also those of channels that the drain has closed. */
  const known = new Set<ChannelGate>();
  let isStopping = false;

  function gate(channel: OpenChannel): OpenChannel {
    if (!gates.has(channel)) {
      const made = new ChannelGate(channel, ledger);
      if (isStopping) made.ignoreErrors();
      gates.set(channel, made);
      known.add(made);
      channel.on('close', () => {
        gates.delete(channel);
        // One that closes in the drain has something to say all the same.
        if (!ledger.isDraining) known.delete(made);
      });
    }
    return channel;
  }

  const connection = isConnection(target) ? new GatedConnection(target, gate, ledger) : undefined;
  if (isChannel(target)) gate(target);
  function ignoreErrors(): void {
    isStopping = true;
    connection?.ignoreErrors();
    for (const each of gates.values()) each.ignoreErrors();
  }

  const everyGate = <T>(step: (gate: ChannelGate) => Promise<T>): Promise<T[]> =>
    Promise.all([...gates.values()].map(step));

  return {
    name: 'amqplib',
    unit: 'message',
    closeMs: CLOSE_MS,
    ignoreErrors,
    stopFetching() {
      ignoreErrors();
      return everyGate((each) => each.stopFetching());
    },
    handBack: (delivery) => delivery.channel.handBack(delivery),
    // Acknowledged before its handler was done: the broker does not deliver it again.
    abandoned: ({ noAck, isAcknowledging }) => (noAck || isAcknowledging ? 'lost' : 'cut'),
    missed: () => [...known].flatMap((each) => each.missed()),
    confirm: () => everyGate((each) => each.close()),
    isConfirmed: ({ noAck, channel }) => noAck || channel.isConfirmed,
    close: () => connection?.close() ?? Promise.resolve(),
    destroy: (reason) => connection?.destroy(reason, gates.keys()),
    restore() {
      connection?.restore();
      for (const each of gates.values()) each.restore();
    },
  };
}

/** A connection that hands out gated channels. */
class GatedConnection {
  readonly #connection: OpenConnection;
  readonly #close: () => Promise<unknown>;
  readonly #ended: Promise<void>;
  #end: () => void = () => {};
  #isClosed = false;

  constructor(
    connection: OpenConnection,
    gate: (channel: OpenChannel) => OpenChannel,
    ledger: Ledger<Delivery>,
  ) {
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#connection = connection;
    this.#close = connection.close.bind(connection);
    const create = connection.createChannel.bind(connection);
    const createConfirm = connection.createConfirmChannel.bind(connection);
    connection.createChannel = async (options) => gate(await create(options));
    connection.createConfirmChannel = async (options) => gate(await createConfirm(options));
    // An application's own close joins the stop: it would close under the handlers, or be rejected after ours.
    connection.close = () => (ledger.closes() ? this.#ended : this.#close());
    connection.on('close', this.#onClose);
    for (const entry of connection.connection?.channels ?? []) {
      if (isChannel(entry?.channel)) gate(entry.channel);
    }
  }

  /** From now on its end crashes nobody. */
  ignoreErrors(): void {
    absorbErrors(this.#connection);
  }

  async close(): Promise<void> {
    if (!this.#isClosed) await this.#close();
  }

  /** A socket that is ended without an error leaves the heartbeat's timer behind. */
  destroy(reason: Error, channels: Iterable<OpenChannel>): void {
    const raw = [this.#connection, ...channels].map(({ connection }) => connection?.stream);
    for (const stream of new Set(raw)) if (stream?.destroyed === false) stream.destroy(reason);
    this.#end();
  }

  restore(): void {
    const connection = this.#connection as Partial<OpenConnection>;
    delete connection.createChannel;
    delete connection.createConfirmChannel;
    delete connection.close;
    this.#connection.off('close', this.#onClose);
  }

  readonly #onClose = (): void => {
    this.#isClosed = true;
  };
}
