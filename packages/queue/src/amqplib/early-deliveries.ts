/**
 * What a channel delivered before the drain knew of it. amqplib does not keep it, but delivery tags count from 1: the first
 * that is seen says how many were not.
 */
export class EarlyDeliveries {
  /** How many consumers there were. */
  readonly #consumers: number;
  #first: number | undefined;
  readonly #settled = new Set<number>();
  #settledUpTo = 0;

  constructor(consumers: number) {
    this.#consumers = consumers;
  }

  /** A delivery came. */
  saw(tag: number): void {
    this.#first ??= tag;
  }

  /** The application has settled a delivery that was not seen, or with `upTo` all up to it. */
  settled(tag: number, upTo: boolean): void {
    if (upTo) this.#settledUpTo = Math.max(this.#settledUpTo, tag);
    else if (tag < (this.#first ?? Number.POSITIVE_INFINITY)) this.#settled.add(tag);
  }

  /** Says what may not be settled yet; undefined when nothing is. */
  describe(): string | undefined {
    if (!this.#mayBeLeft) return undefined;
    const had = this.#consumers === 1 ? 'a consumer' : `${this.#consumers} consumers`;
    return `its channel had ${had} when it was attached: what was delivered before that, and is still being handled, is neither waited for nor listed, and is delivered again; attach before consume()`;
  }

  get #mayBeLeft(): boolean {
    if (this.#consumers === 0) return false;
    if (this.#first === undefined) return true;
    for (let tag = this.#settledUpTo + 1; tag < this.#first; tag++)
      if (!this.#settled.has(tag)) return true;
    return false;
  }
}
