import { setImmediate as turn } from 'node:timers/promises';
import { absorbErrors } from '../drain/absorb-errors';
import type { Outcome } from '../drain/cut-message';
import { isThenable } from '../drain/is-thenable';
import type { Ledger } from '../drain/ledger';
import type { ChannelMethods, Message, OnMessage, OpenChannel } from './amqp-types';
import { Deliveries } from './deliveries';
import type { DeliveringChannel, Delivery } from './delivery';
import { EarlyConsumers } from './early-consumers';
import { EarlyDeliveries } from './early-deliveries';

/** A tag that no consumer has. */
const NO_CONSUMER = 'lastcall: are you there?';

/** Stands in front of one channel: keeps the ledger of what comes and is acknowledged on it, and ends it at a stop. */
export class ChannelGate implements DeliveringChannel {
  readonly channel: OpenChannel;
  readonly #ledger: Ledger<Delivery>;
  readonly #deliveries: Deliveries;
  readonly #early: EarlyDeliveries;
  readonly #earlyConsumers = new EarlyConsumers();
  /** The channel's own methods. */
  readonly #own: ChannelMethods;
  readonly #gated: Omit<ChannelMethods, 'cancel'>;
  readonly #tags = new Set<string>();
  #closing: Promise<unknown> | undefined;
  #isClosed = false;
  #isConfirmed = false;

  constructor(channel: OpenChannel, ledger: Ledger<Delivery>) {
    this.channel = channel;
    this.#ledger = ledger;
    this.#deliveries = new Deliveries(this, ledger);
    this.#early = new EarlyDeliveries(channel.consumers?.size ?? 0);
    this.#own = ownMethods(channel);
    this.#gated = this.#gate();
    Object.assign(channel, this.#gated);
    channel.on('close', this.#onClose);
    this.#adoptConsumers();
  }

  get isConfirmed(): boolean {
    return this.#isConfirmed;
  }

  /** What is not known of what was there before the drain. */
  missed(): string[] {
    const early = this.#isClosed ? undefined : this.#early.describe();
    return [early, this.#earlyConsumers.describe()].filter((what) => what !== undefined);
  }

  /** Gives the channel back as it was. Consumers keep our wrapper around their handlers, which does no harm. */
  restore(): void {
    for (const name of Object.keys(this.#gated)) Reflect.deleteProperty(this.channel, name);
    this.channel.off('close', this.#onClose);
  }

  /** From now on an error of the channel crashes nobody. */
  ignoreErrors(): void {
    absorbErrors(this.channel);
  }

  /** Cancels every consumer, and hands back what failed. */
  async stopFetching(): Promise<void> {
    if (this.#isClosed) return;
    for (const delivery of this.#deliveries.failed()) this.#returnFailed(delivery);
    await Promise.all([...this.#tags].map((tag) => this.#own.cancel(tag)));
  }

  async handBack(delivery: Delivery): Promise<Outcome> {
    if (delivery.noAck) return 'lost';
    this.#sendBack(delivery.message);
    // Closing the channel proves that the broker has read it; what else goes back has to be sent before.
    await turn();
    await this.close();
    return this.#isConfirmed ? 'handed back' : 'cut';
  }

  /** Closes the channel: its answer proves that the broker has read every acknowledgement. */
  close(): Promise<unknown> {
    if (this.#isClosed && this.#closing === undefined) return Promise.resolve();
    this.#closing ??= this.#closeInOrder();
    return this.#closing;
  }

  /**
   * amqplib takes a close of the broker's own, because of an error, that crosses ours for the answer to it; but from that error on
   * the broker has read nothing. So it is asked something before: to cancel a consumer that does not exist.
   */
  async #closeInOrder(): Promise<void> {
    if (this.#ledger.isDraining) {
      const hasClosed = await this.#own.cancel(NO_CONSUMER).then(
        () => false,
        () => true,
      );
      // The channel's own 'error' tells why.
      if (hasClosed) return;
    }
    await this.#own.close();
    this.#isConfirmed = true;
  }

  #gate(): Omit<ChannelMethods, 'cancel'> {
    return {
      consume: (...args) => this.#consume(...args),
      get: (...args) => this.#get(...args),
      ack: (message, allUpTo) =>
        this.#settle(message, allUpTo, (each, upTo) => this.#own.ack(each, upTo)),
      nack: (message, allUpTo, requeue) =>
        this.#settle(message, allUpTo, (each, upTo) => this.#own.nack(each, upTo, requeue)),
      reject: (message, requeue) =>
        this.#settle(message, false, (each) => this.#own.reject(each, requeue)),
      ackAll: () => this.#settleAll(() => this.#own.ackAll()),
      nackAll: (requeue) => this.#settleAll(() => this.#own.nackAll(requeue)),
      close: () => this.close(),
    };
  }

  async #consume(
    queue: string,
    onMessage: OnMessage,
    options?: { readonly noAck?: boolean },
  ): Promise<{ readonly consumerTag: string }> {
    this.#ledger.admit();
    const handler = this.#wrap(queue, onMessage, options?.noAck === true);
    const ok = await this.#own.consume(queue, handler, options);
    this.#tags.add(ok.consumerTag);
    // The stop may have begun while the broker answered.
    if (this.#ledger.isDraining) await this.#own.cancel(ok.consumerTag);
    return ok;
  }

  async #get(queue: string, options?: { readonly noAck?: boolean }): Promise<Message | false> {
    this.#ledger.admit();
    const message = await this.#own.get(queue, options);
    if (message === false) return message;
    this.#early.saw(message.fields.deliveryTag);
    if (options?.noAck === true) return message;
    if (this.#ledger.isDraining) {
      this.#returnUnseen(message);
      return false;
    }
    this.#deliveries.handlerEnded(this.#deliveries.begin(queue, message, false));
    return message;
  }

  #wrap(queue: string, onMessage: OnMessage, noAck: boolean): OnMessage {
    return (message) => {
      // The broker has cancelled the consumer.
      if (message === null) return onMessage(null);
      this.#early.saw(message.fields.deliveryTag);
      // What need not be acknowledged cannot be handed back: it is handled, late as it is.
      if (this.#ledger.isDraining && !noAck) return this.#returnUnseen(message);
      const delivery = this.#deliveries.begin(queue, message, noAck);
      return this.#handle(delivery, () => onMessage(message));
    };
  }

  #handle(delivery: Delivery, handler: () => unknown): unknown {
    const failed = (error: unknown): never => {
      this.#handlerFailed(delivery);
      throw error;
    };
    let returned: unknown;
    try {
      returned = handler();
    } catch (error) {
      return failed(error);
    }
    if (isThenable(returned))
      return returned.then(() => this.#deliveries.handlerEnded(delivery), failed);
    this.#deliveries.handlerEnded(delivery);
    return returned;
  }

  #handlerFailed(delivery: Delivery): void {
    delivery.hasFailed = true;
    this.#deliveries.handlerEnded(delivery);
    if (this.#ledger.isDraining && !delivery.isSettled) this.#returnFailed(delivery);
  }

  /** Tells the broker, then the ledger: where the channel throws, nothing is settled. */
  #settle(
    message: Message,
    allUpTo: boolean | undefined,
    tell: (message: Message, allUpTo: boolean | undefined) => void,
  ): void {
    if (this.#isOver) return;
    const { deliveryTag } = message.fields;
    const tags = allUpTo === true ? this.#deliveries.upTo(deliveryTag) : [deliveryTag];
    const isTold = this.#tell(() => {
      if (allUpTo === true && this.#deliveries.hasReturned) {
        // One by one: those that went back to the broker are not to be named again.
        for (const tag of tags) tell({ fields: { deliveryTag: tag } }, false);
      } else if (!this.#deliveries.wasReturned(deliveryTag)) tell(message, allUpTo);
    });
    if (!isTold) return;
    for (const tag of tags) this.#deliveries.settle(tag);
    this.#early.settled(deliveryTag, allUpTo === true);
    this.#earlyConsumers.settled(allUpTo === true ? undefined : message.fields.consumerTag);
  }

  #settleAll(tell: () => void): void {
    if (this.#isOver) return;
    const tags = this.#deliveries.upTo(Number.POSITIVE_INFINITY);
    if (!this.#tell(tell)) return;
    for (const tag of tags) this.#deliveries.settle(tag);
    this.#early.settled(Number.POSITIVE_INFINITY, true);
    this.#earlyConsumers.settled();
  }

  /**
   * Tells the broker something. Where the application closes its connection itself while it drains, amqplib throws until that
   * has ended: not into the handlers, whose messages stay in hand.
   * @returns whether it was sent
   */
  #tell(send: () => void): boolean {
    try {
      send();
      return true;
    } catch (error) {
      if (this.#ledger.isDraining && isIllegalOperation(error)) return false;
      throw error;
    }
  }

  /** An acknowledgement that comes after our close must not throw into the handler. */
  get #isOver(): boolean {
    return this.#ledger.isDraining && (this.#isClosed || this.#closing !== undefined);
  }

  #returnUnseen(message: Message): void {
    this.#sendBack(message);
    this.#ledger.giveBack(undefined);
  }

  #returnFailed(delivery: Delivery): void {
    this.#sendBack(delivery.message);
    this.#ledger.giveBack(delivery);
  }

  #sendBack(message: Message): void {
    this.#deliveries.returned(message.fields.deliveryTag);
    if (!this.#isClosed && this.#closing === undefined)
      this.#tell(() => this.#own.nack(message, false, true));
  }

  /** Consumers that were there before the drain. What they were given by then is not known. */
  #adoptConsumers(): void {
    for (const [tag, onMessage] of this.channel.consumers ?? []) {
      this.#tags.add(tag);
      const noting: OnMessage = (message) => {
        if (message !== null) this.#earlyConsumers.given(tag);
        return onMessage(message);
      };
      this.channel.consumers?.set(tag, this.#wrap(tag, noting, false));
    }
  }

  readonly #onClose = (): void => {
    this.#isClosed = true;
    this.#deliveries.lose();
  };
}

function ownMethods(channel: OpenChannel): ChannelMethods {
  const bound = <N extends keyof ChannelMethods>(name: N): ChannelMethods[N] =>
    channel[name].bind(channel) as ChannelMethods[N];
  return {
    consume: bound('consume'),
    get: bound('get'),
    cancel: bound('cancel'),
    ack: bound('ack'),
    ackAll: bound('ackAll'),
    nack: bound('nack'),
    nackAll: bound('nackAll'),
    reject: bound('reject'),
    close: bound('close'),
  };
}

/** What amqplib throws at who uses something that closes, or is closed. */
function isIllegalOperation(error: unknown): boolean {
  return error instanceof Error && 'stackAtStateChange' in error;
}
