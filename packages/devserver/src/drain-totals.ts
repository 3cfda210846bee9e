import type { Lifecycle, ListenerEndEvent } from '@lastcall/proc';
import type { DrainTotal } from './protocol';

/** Counts what listeners say they drained and cut. */
export class DrainTotals {
  readonly #totals = new Map<string, DrainTotal>();
  readonly #lifecycle: Lifecycle;

  constructor(lifecycle: Lifecycle) {
    this.#lifecycle = lifecycle;
    lifecycle.events.on('listenerEnd', this.#add);
  }

  list(): DrainTotal[] {
    return [...this.#totals.values()];
  }

  remove(): void {
    this.#lifecycle.events.off('listenerEnd', this.#add);
  }

  readonly #add = ({ name, drained, cut }: ListenerEndEvent): void => {
    if (drained === undefined && cut === undefined) return;
    const before = this.#totals.get(name);
    this.#totals.set(name, {
      listener: name,
      drained: (before?.drained ?? 0) + (drained ?? 0),
      cut: (before?.cut ?? 0) + (cut?.length ?? 0),
    });
  };
}
