import type { EachBatchPayload, EachMessagePayload } from './kafka-consumer';

/** Keeps messages from being committed that their handler has not seen, or was not waited for. */
export class Rewind {
  /** By topic and partition, the first offset that is not to be committed. */
  readonly #first = new Map<string, bigint>();

  /**
   * kafkajs takes a message for consumed when its handler returns; a handler that throws is retried, with an error in the log
   * and a delay. So it returns, and the offset that kafkajs then takes for consumed is the one before. Paused, the
   * partition brings no other one.
   */
  message({ topic, partition, message, pause }: EachMessagePayload): void {
    message.offset = String(this.#firstOf(topic, partition, BigInt(message.offset)) - 1n);
    pause();
  }

  /** The same for a batch, whose last offset kafkajs asks for. */
  batch({ batch, pause }: EachBatchPayload): void {
    const offset = BigInt(batch.firstOffset() ?? batch.lastOffset());
    const first = this.#firstOf(batch.topic, batch.partition, offset);
    batch.lastOffset = () => String(first - 1n);
    pause();
  }

  #firstOf(topic: string, partition: number, offset: bigint): bigint {
    const key = `${topic}[${partition}]`;
    const first = this.#first.get(key);
    if (first !== undefined && first <= offset) return first;
    this.#first.set(key, offset);
    return offset;
  }
}
