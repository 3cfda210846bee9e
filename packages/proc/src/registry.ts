import { type Entry, settleEntry } from './registration';
import { STAGES, type Stage } from './stages';

/** Holds the listeners of one phase until they run. Adding, removing and taking are O(1) per listener. */
export class Registry {
  readonly phase: 'wrap-up' | 'shutdown';
  readonly #entries = new Map<Stage | undefined, Set<Entry>>();
  readonly #taken = new Set<string>();
  /** The highest number given to a name that is used more than once. */
  readonly #counts = new Map<string, number>();
  #size = 0;

  constructor(phase: 'wrap-up' | 'shutdown') {
    this.phase = phase;
  }

  /** How many listeners wait to be called. */
  get size(): number {
    return this.#size;
  }

  add(entry: Entry): void {
    const entries = this.#entries.get(entry.stage);
    if (entries === undefined) this.#entries.set(entry.stage, new Set([entry]));
    else entries.add(entry);
    this.#size += 1;
  }

  /** Takes `entry` out and releases who waits for it; false when it is not here (any more). */
  remove(entry: Entry): boolean {
    if (!this.takeOne(entry)) return false;
    settleEntry(entry);
    return true;
  }

  /** Takes `entry` out to run it; false when it is not here (any more). */
  takeOne(entry: Entry): boolean {
    if (!this.#entries.get(entry.stage)?.delete(entry)) return false;
    this.#size -= 1;
    return true;
  }

  /** Takes out and returns the listeners of one stage, in the order of their registration. */
  take(stage: Stage | undefined): Entry[] {
    const taken = [...(this.#entries.get(stage) ?? [])];
    this.#entries.delete(stage);
    this.#size -= taken.length;
    return taken;
  }

  /** Takes out and returns all listeners. */
  takeAll(): Entry[] {
    return [...this.#entries.keys()].flatMap((stage) => this.take(stage));
  }

  /** The listeners that wait, in the order in which their stages come. */
  waiting(): Entry[] {
    const stages = [undefined, ...STAGES];
    return stages.flatMap((stage) => [...(this.#entries.get(stage) ?? [])]);
  }

  /** The names of the listeners that wait, of all stages or of some. */
  names(stages?: readonly Stage[]): string[] {
    const wanted = [...this.#entries].filter(
      ([stage]) => stages === undefined || (stage !== undefined && stages.includes(stage)),
    );
    return wanted.flatMap(([, entries]) => [...entries].map(({ name }) => name));
  }

  /** `name`, or `name#2`, `name#3`, … while it is in use; {@link Registry.releaseName} gives it back. */
  claimName(name: string): string {
    let unique = name;
    let count = this.#counts.get(name) ?? 1;
    while (this.#taken.has(unique)) {
      count += 1;
      unique = `${name}#${count}`;
    }
    if (count > 1) this.#counts.set(name, count);
    this.#taken.add(unique);
    return unique;
  }

  /** Gives back what {@link Registry.claimName} gave. */
  releaseName(unique: string): void {
    this.#taken.delete(unique);
    this.#counts.delete(unique);
  }
}
