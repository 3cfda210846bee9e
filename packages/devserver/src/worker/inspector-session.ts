import { type InspectorNotification, Session } from 'node:inspector';
import { workerData } from 'node:worker_threads';
import type { WorkerSettings } from '../protocol';
import { HttpError } from './http-error';

/** How long V8 may take for one step, in milliseconds: the main thread may be in native code, where it cannot answer. */
const STEP_DEADLINE_MS = 5000;

/**
 * A session of our own with the main thread's inspector. It works while the main thread is blocked by JavaScript, opens no
 * port, and does not disturb other sessions.
 */
export class InspectorSession {
  readonly #session: Session;

  /** Throws HttpError 501 where the thread may not be inspected (`--permission`), or cannot. */
  constructor() {
    const { whyNotInspectable } = workerData as WorkerSettings;
    if (whyNotInspectable !== null) throw new HttpError(501, whyNotInspectable);
    this.#session = new Session();
    try {
      this.#session.connectToMainThread();
    } catch (thrown) {
      const { message } = thrown as Error;
      throw new HttpError(501, `the main thread cannot be inspected: ${message}`);
    }
  }

  /** Rejects with HttpError 503 when there is no answer within `deadlineMs`, 500 when V8 refuses. */
  post<T = unknown>(
    method: string,
    params: object = {},
    deadlineMs: number = STEP_DEADLINE_MS,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(notAnswered(method, deadlineMs)), deadlineMs);
      this.#session.post(method, params, (error, result) => {
        clearTimeout(timer);
        if (error === null) resolve(result as T);
        else reject(new HttpError(500, `V8 refuses ${method}: ${error.message}`));
      });
    });
  }

  on<T>(event: string, listener: (params: T) => void): void {
    this.#session.on(event, ({ params }: InspectorNotification<T>) => listener(params));
  }

  /** Ends the session, and what it has begun. */
  close(): void {
    this.#session.disconnect();
  }
}

function notAnswered(method: string, deadlineMs: number): HttpError {
  const message = `the main thread did not answer ${method} within ${deadlineMs} ms: it is in native code`;
  return new HttpError(503, message);
}
