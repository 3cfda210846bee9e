import type { Ledger } from '../drain/ledger';
import type { Message } from './amqp-types';
import { type DeliveringChannel, Delivery } from './delivery';

/**
 * What was delivered on one channel. A message is in hand until it is acknowledged and what its handler returned has
 * settled; with a handler that returns nothing, until it is acknowledged.
 */
export class Deliveries {
  readonly #channel: DeliveringChannel;
  readonly #ledger: Ledger<Delivery>;
  /** By delivery tag, in its order, what is to be acknowledged. */
  readonly #open = new Map<number, Delivery>();
  /** Tags that went back to the broker: acknowledging one of them would make it close the channel. */
  readonly #returned = new Set<number>();

  constructor(channel: DeliveringChannel, ledger: Ledger<Delivery>) {
    this.#channel = channel;
    this.#ledger = ledger;
  }

  begin(queue: string, message: Message, noAck: boolean): Delivery {
    const delivery = new Delivery(this.#channel, queue, message, noAck);
    if (!noAck) this.#open.set(message.fields.deliveryTag, delivery);
    this.#ledger.begin(delivery);
    return delivery;
  }

  /** What the handler returned has settled, or it returned nothing to wait for. */
  handlerEnded(delivery: Delivery): void {
    delivery.isRunning = false;
    if (delivery.isSettled) this.#ledger.end(delivery);
    else if (delivery.isLost) this.#ledger.giveUp(delivery, 'cut');
  }

  /** The application has acknowledged or rejected `tag`. */
  settle(tag: number): void {
    const delivery = this.#open.get(tag);
    if (delivery === undefined) return;
    this.#open.delete(tag);
    delivery.isSettled = true;
    if (!delivery.isRunning) this.#ledger.end(delivery);
    else delivery.isAcknowledging = true;
  }

  /** The tags up to `tag` that are to be acknowledged. */
  upTo(tag: number): number[] {
    return [...this.#open.keys()].filter((each) => each <= tag);
  }

  failed(): Delivery[] {
    return [...this.#open.values()].filter(({ hasFailed }) => hasFailed);
  }

  /** `tag` goes back to the broker: what the application does with it from now on does not count. */
  returned(tag: number): void {
    this.#returned.add(tag);
    this.#open.delete(tag);
  }

  wasReturned(tag: number): boolean {
    return this.#returned.has(tag);
  }

  get hasReturned(): boolean {
    return this.#returned.size > 0;
  }

  /** The channel is gone. Handlers that run may finish what they are at; their messages come again nevertheless. */
  lose(): void {
    for (const delivery of [...this.#open.values()]) {
      delivery.isLost = true;
      if (!delivery.isRunning) this.#ledger.giveUp(delivery, 'cut');
    }
    this.#open.clear();
  }
}
