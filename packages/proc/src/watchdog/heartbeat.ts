const AT = 0;
const TURNS = 1;
const INSPECTABLE = 2;
const EXCUSED = 3;
const PROFILING = 4;
const CELLS = 5;

/**
 * The pulse of the main thread, in memory that both threads see: no messages, nothing to collect.
 *
 * Times are those of {@link monotonicMs}, which every thread of a process shares.
 */
export class Heartbeat {
  readonly memory: SharedArrayBuffer;
  readonly #cells: BigInt64Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(CELLS * 8)) {
    this.memory = memory;
    this.#cells = new BigInt64Array(memory);
  }

  /** The watch begins; the loop has not turned yet. */
  begin(): void {
    Atomics.store(this.#cells, AT, process.hrtime.bigint());
  }

  /** The loop has turned. */
  beat(isInspectable: boolean): void {
    Atomics.store(this.#cells, INSPECTABLE, isInspectable ? 1n : 0n);
    Atomics.add(this.#cells, TURNS, 1n);
    Atomics.store(this.#cells, AT, process.hrtime.bigint());
  }

  /** What made the loop late is over: from now on it is late by what comes next. */
  pardon(): void {
    Atomics.store(this.#cells, AT, process.hrtime.bigint());
    this.isExcused = false;
  }

  /** Whether the main thread stands still for a reason that is nobody's fault. */
  set isExcused(isExcused: boolean) {
    Atomics.store(this.#cells, EXCUSED, isExcused ? 1n : 0n);
  }

  get isExcused(): boolean {
    return Atomics.load(this.#cells, EXCUSED) === 1n;
  }

  /** Whether the program has a profile running, which a process that is killed takes along. */
  set isProfiling(isProfiling: boolean) {
    Atomics.store(this.#cells, PROFILING, isProfiling ? 1n : 0n);
  }

  get isProfiling(): boolean {
    return Atomics.load(this.#cells, PROFILING) === 1n;
  }

  /** When the last beat was, or the beginning. */
  get lastMs(): number {
    return Number(Atomics.load(this.#cells, AT)) / 1e6;
  }

  /** Whether the loop has turned at all. */
  get hasTurned(): boolean {
    return Atomics.load(this.#cells, TURNS) > 0n;
  }

  /** Whether the inspector listened at the last beat, so that somebody may be debugging. */
  get isInspectable(): boolean {
    return Atomics.load(this.#cells, INSPECTABLE) === 1n;
  }
}

/** Milliseconds on a clock that all threads share; `performance.now()` begins anew in each. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
