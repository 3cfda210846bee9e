let stderrGuarded = false;

/** Writes to stderr, where there is one. Never throws, and never waits. */
export function writeError(text: string): void {
  try {
    const stream = process.stderr;
    if (!stderrGuarded) {
      // A reader that went away (EPIPE) must not turn a line of log into an uncaught exception.
      stream.on('error', () => {});
      stderrGuarded = true;
    }
    if (stream.writableLength < MAX_BUFFERED_ERROR_BYTES) stream.write(text);
  } catch {
    // No usable stderr (closed descriptor): there is nowhere left to say so.
  }
}

/** A pipe nobody reads must not grow the heap of a dying process. */
const MAX_BUFFERED_ERROR_BYTES = 1 << 20;
