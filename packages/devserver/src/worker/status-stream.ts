import type { ServerResponse } from 'node:http';
import { HttpError } from './http-error';
import type { MainThread } from './main-thread';
import { headersOf } from './reply';
import type { Answer } from './route';
import { type StatusDocument, takeStatus } from './status-document';

const PERIOD_MS = 1000;
const MOST_WATCHERS = 8;
/** A client that does not read is dropped when so many bytes wait for it. */
const MOST_UNREAD_BYTES = 1_000_000;

/** Sends the status to watchers every second; while there are none nothing runs. */
export class StatusStream {
  readonly #main: MainThread;
  readonly #watchers = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;

  constructor(main: MainThread) {
    this.#main = main;
  }

  /** Takes one more watcher. Throws HttpError 503 when there are too many. */
  watch(): Answer {
    if (this.#watchers.size >= MOST_WATCHERS)
      throw new HttpError(503, `${MOST_WATCHERS} clients watch already`, { 'Retry-After': '5' });
    return (response) => this.#add(response);
  }

  /** Sends the last status, and ends all streams. */
  close(last: StatusDocument | null): void {
    clearInterval(this.#timer);
    for (const watcher of this.#watchers) {
      if (last !== null) write(watcher, last);
      watcher.end();
    }
    this.#watchers.clear();
  }

  #add(response: ServerResponse): void {
    response.writeHead(200, { ...headersOf('text/event-stream'), 'X-Accel-Buffering': 'no' });
    this.#watchers.add(response);
    response.once('close', () => this.#remove(response));
    this.#timer ??= setInterval(() => void this.#tell(), PERIOD_MS);
    void this.#tell();
  }

  #remove(response: ServerResponse): void {
    this.#watchers.delete(response);
    if (this.#watchers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #tell(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const status = await takeStatus(this.#main);
      for (const watcher of this.#watchers) write(watcher, status);
    } catch {
      // A source of the program threw; the next second may be better, and silence shows.
    } finally {
      this.#isAsking = false;
    }
  }
}

function write(watcher: ServerResponse, status: StatusDocument): void {
  if (watcher.writableLength > MOST_UNREAD_BYTES) watcher.destroy();
  else watcher.write(`event: status\ndata: ${JSON.stringify(status)}\n\n`);
}
