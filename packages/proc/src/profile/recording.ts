/** One profile that is being recorded. One of the two is called, once. */
export interface Recording<T> {
  /** Ends the recording and gives what was recorded. */
  stop(): Promise<T>;
  /** Lets go of what the recording holds, when `stop()` did not come back. Never throws. */
  abandon(): void;
}
