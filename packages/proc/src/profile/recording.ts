/** One profile that is being recorded. */
export interface Recording<T> {
  /** Ends the recording and gives what was recorded. Called once. */
  stop(): Promise<T>;
  /**
   * The same before it returns, also while `stop()` is under way: the process ends, and its loop will not turn again.
   * Throws what went wrong.
   */
  stopNow(): T;
  /** Lets go of what the recording holds, when `stop()` did not come back. Never throws. */
  abandon(): void;
}
