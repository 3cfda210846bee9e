// At the stop the search index waits until everything is written. One write was handed to a disk that is gone, so the
// stop takes as long as it may.
import { proc } from '@lastcall/proc';

class SearchIndex {
  readonly #unwritten = new Set<string>();
  readonly #onWritten: (() => void)[] = [];

  add(word: string): void {
    this.#unwritten.add(word);
  }

  written(word: string): void {
    this.#unwritten.delete(word);
    if (this.#unwritten.size === 0) for (const resolve of this.#onWritten) resolve();
  }

  async close(): Promise<void> {
    console.log(`${this.#unwritten.size} words are not written`);
    await new Promise<void>((resolve) => this.#onWritten.push(resolve)); // <- culprit
  }
}

const index = new SearchIndex();
const writes = setInterval(() => index.written('lamp'), 30_000);
index.add('lamp');
index.add('table');

proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 20_000, waitTimeMs: 25_000 });
proc.onShutdown(() => index.close(), { name: 'search index' });
proc.onShutdown(() => clearInterval(writes), { name: 'writes', stage: 'telemetry' });
console.log('up');
