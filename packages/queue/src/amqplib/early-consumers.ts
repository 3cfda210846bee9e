/**
 * Consumers that were there before the drain. amqplib does not keep whether they were begun with `noAck`: one that was given
 * messages, of which none was ever acknowledged, may be such a one.
 */
export class EarlyConsumers {
  /** By consumer tag: whether one of its messages has been settled. */
  readonly #given = new Map<string, boolean>();

  given(consumer: string): void {
    if (!this.#given.has(consumer)) this.#given.set(consumer, false);
  }

  /** The application has settled a message of `consumer`, or of all of them. */
  settled(consumer?: string): void {
    for (const tag of this.#given.keys())
      if (consumer === undefined || tag === consumer) this.#given.set(tag, true);
  }

  /** Says what the report may be wrong about; undefined when nothing. */
  describe(): string | undefined {
    const silent = [...this.#given].filter(([, isSettled]) => !isSettled).map(([tag]) => tag);
    if (silent.length === 0) return undefined;
    return `nothing that was given to '${silent.join("', '")}', which consumed when its channel was attached, was ever acknowledged: if that was with noAck, it is waited for although it is done, and what is listed of it is lost, not delivered again; attach before consume()`;
  }
}
