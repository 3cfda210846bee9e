import type { Question, ToMain } from '../protocol';

/** A scrape comes at least every so often where one comes at all. */
const REST_AFTER_MS = { status: 10_000, metrics: 180_000 } as const;

/** Tells the main thread to stop watching its event loop when nobody has asked for a while. */
export class WatchRest {
  readonly #tell: (message: ToMain) => void;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(tell: (message: ToMain) => void) {
    this.#tell = tell;
  }

  asked({ kind }: Question): void {
    if (kind !== 'status' && kind !== 'metrics') return;
    const timer = this.#timers.get(kind);
    if (timer !== undefined) {
      timer.refresh();
      return;
    }
    const rest = (): void => {
      this.#timers.delete(kind);
      this.#tell({ type: 'rest', watch: kind });
    };
    this.#timers.set(kind, setTimeout(rest, REST_AFTER_MS[kind]));
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }
}
