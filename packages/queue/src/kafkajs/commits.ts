import type { CommitEvent } from './kafka-consumer';
import type { KafkaEntry } from './kafka-entry';

/** What the group has committed, as the broker has confirmed it. */
export class Commits {
  /** By topic and partition, the next offset. */
  readonly #next = new Map<string, bigint>();
  #onCommit: (() => void) | undefined;

  readonly add = ({ payload }: CommitEvent): void => {
    for (const { topic, partitions } of payload.topics) {
      for (const { partition, offset } of partitions)
        this.#next.set(`${topic}[${partition}]`, BigInt(offset));
    }
    this.#onCommit?.();
  };

  has({ queue, done }: KafkaEntry): boolean {
    return done === undefined || (this.#next.get(queue) ?? 0n) > done;
  }

  /** Settles when all of `entries` are committed. */
  all(entries: readonly KafkaEntry[]): Promise<void> {
    return new Promise((resolve) => {
      this.#onCommit = () => {
        if (entries.every((entry) => this.has(entry))) resolve();
      };
      this.#onCommit();
    });
  }
}
