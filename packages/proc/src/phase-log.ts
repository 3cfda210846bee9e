import type { PhaseReport } from './report';

/** When each phase and stage of a stop began and ended. */
export class PhaseLog {
  /** Those that are over. */
  readonly over: PhaseReport[] = [];
  #current: Omit<PhaseReport, 'endMs'> | null = null;

  begin(phase: PhaseReport['phase'], startMs: number): void {
    this.#current = { phase, startMs };
  }

  /** Ends what is under way, if anything is: a forced end may have done so already. */
  end(endMs: number): void {
    if (this.#current !== null) this.over.push({ ...this.#current, endMs });
    this.#current = null;
  }
}
