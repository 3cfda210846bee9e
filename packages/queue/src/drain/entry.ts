/** A message in hand: given to a handler, and neither acknowledged nor handed back. Drivers extend it. */
export class Entry {
  readonly queue: string;
  readonly id: string | number;
  /** `performance.now()` when it was given to its handler. */
  readonly since: number;
  /** It was given to its handler before `since`. */
  isOlder = false;
  /** The broker is told, or about to be, that it is done: it cannot be handed back any more. */
  isAcknowledging = false;

  constructor(queue: string, id: string | number, since: number = performance.now()) {
    this.queue = queue;
    this.id = id;
    this.since = since;
  }
}
