import { ArrivedMessages } from './arrived-messages';
import type { NatsEntry } from './nats-entry';
import type { NatsHands } from './nats-hands';

/** What an iteration does with messages. */
export interface IterationParts<M> {
  readonly hands: NatsHands;
  readonly begin: (message: M) => NatsEntry;
  /** Sends back a message that comes during a stop; undefined where that cannot be done, and it is given out. */
  readonly returnUnseen?: ((message: M) => void) | undefined;
}

/** What goes around an iteration: the iterator for the application, and the end of it at a stop. */
export interface GatedIterator<M> extends AsyncIterator<M> {
  /** Takes out what nobody has asked for yet, and sends it back; where that cannot be done, it is in hand from then on. */
  returnRest(): Promise<void>;
}

/**
 * An iteration over messages that keeps the ledger: a message is in hand until the next one is asked for. During a stop it
 * ends, and what is left in it goes back to the server, or is given out where it cannot go back.
 */
export function gateIterator<M>(
  own: AsyncIterator<M>,
  { hands, begin, returnUnseen }: IterationParts<M>,
): GatedIterator<M> {
  let current: NatsEntry | undefined;
  let arrived: ArrivedMessages<M> | undefined;

  function endCurrent(): void {
    if (current !== undefined) hands.handlerEnded(current);
    current = undefined;
  }

  async function returnRest(): Promise<void> {
    if (returnUnseen === undefined) {
      arrived ??= new ArrivedMessages(own, hands, begin);
      return;
    }
    for (let next = await own.next(); next.done !== true; next = await own.next())
      returnUnseen(next.value);
  }

  async function nextArrived(from: ArrivedMessages<M>): Promise<IteratorResult<M>> {
    const next = await from.next();
    if (next === undefined) return done();
    current = next.entry;
    return { value: next.message };
  }

  async function next(): Promise<IteratorResult<M>> {
    endCurrent();
    if (arrived !== undefined) return await nextArrived(arrived);
    const isOver = hands.ledger.isDraining && returnUnseen !== undefined;
    const result: IteratorResult<M> = isOver ? done() : await own.next();
    if (result.done === true) return result;
    // The stop began while it was waited for.
    if (hands.ledger.isDraining && returnUnseen !== undefined) {
      returnUnseen(result.value);
      return done();
    }
    current = begin(result.value);
    hands.ledger.begin(current);
    return result;
  }

  return {
    next,
    returnRest,
    async return(value?: unknown) {
      endCurrent();
      if (arrived === undefined) return (await own.return?.(value)) ?? done();
      arrived.leave();
      // Not waited for: a message may be waited for before it, from a server that is frozen.
      void own.return?.(value)?.catch(() => {});
      return done();
    },
  };
}

function done(): IteratorReturnResult<undefined> {
  return { done: true, value: undefined };
}
