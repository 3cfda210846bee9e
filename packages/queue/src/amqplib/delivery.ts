import type { Outcome } from '../drain/cut-message';
import { Entry } from '../drain/entry';
import type { Message } from './amqp-types';

/** The channel that a message came on, as the drain needs it. */
export interface DeliveringChannel {
  /** It was closed in order: the broker has read everything that was sent on it. */
  readonly isConfirmed: boolean;
  handBack(delivery: Delivery): Promise<Outcome>;
}

/** A message that was delivered on a channel. */
export class Delivery extends Entry {
  readonly channel: DeliveringChannel;
  readonly message: Message;
  /** The broker forgot it when it delivered it: nobody acknowledges it, and it cannot be handed back. */
  readonly noAck: boolean;
  /** What the handler returned is pending. */
  isRunning = true;
  /** Acknowledged or rejected. */
  isSettled: boolean;
  /** The handler failed: nobody is going to acknowledge it. */
  hasFailed = false;
  /** Its channel is gone: the broker has it again, whatever the handler does. */
  isLost = false;

  constructor(channel: DeliveringChannel, queue: string, message: Message, noAck: boolean) {
    super(queue, message.fields.deliveryTag);
    this.channel = channel;
    this.message = message;
    this.noAck = noAck;
    this.isSettled = noAck;
  }
}
