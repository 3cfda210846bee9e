/**
 * Counts the stops under way in one process, so that the first to finish does not take the others' work with it: the
 * last one out ends the process, with the worst exit code of them all.
 *
 * All versions of the package in a process share one: `enter()` and `leave(code)` must keep their meaning.
 */
export class ExitGate {
  #inside = 0;
  #worstCode = 0;

  enter(): void {
    this.#inside += 1;
  }

  /** The exit code to end the process with, or undefined while another stop is under way. */
  leave(code: number): number | undefined {
    this.#inside -= 1;
    this.#worstCode = Math.max(this.#worstCode, code);
    return this.#inside > 0 ? undefined : this.#worstCode;
  }
}
