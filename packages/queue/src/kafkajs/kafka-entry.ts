import { Entry } from '../drain/entry';

/** A message, or a batch of them, in hand. */
export class KafkaEntry extends Entry {
  readonly topic: string;
  readonly partition: number;
  /** The offset up to which the handler is done, and which the group has to commit; undefined when there is none. */
  done: bigint | undefined;
  /** Nobody waits for the handler any more: what it has done is not to be committed. */
  isWrittenOff = false;

  constructor(topic: string, partition: number, id: string) {
    super(`${topic}[${partition}]`, id);
    this.topic = topic;
    this.partition = partition;
  }
}
