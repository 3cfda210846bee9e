import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { LastcallError, toError } from '@lastcall/proc';
import type { ProcessCommands } from './process-commands';
import type { ThreadSettings, ToMain, ToWorker } from './thread-protocol';

/** How long the thread may take to listen, in milliseconds. */
const START_MS = 10_000;
/** How long a dying process waits for its last answers to be written, in milliseconds. */
const LAST_WORDS_MS = 250;
/** It keeps nothing but a profile for a moment. */
const HEAP_MB = 128;

/** The main thread's end of the thread that serves the control socket. Does not keep the process alive. */
export class ControlThread {
  readonly #path: string;
  readonly #commands: ProcessCommands;
  readonly #worker: Worker;
  readonly #written = new SharedArrayBuffer(4);
  readonly #open = new Map<number, AbortController>();
  #hasAnswered = false;
  #onGone: (error: LastcallError) => void = () => {};
  #state: 'starting' | 'listening' | 'closed' = 'starting';

  constructor(path: string, commands: ProcessCommands) {
    this.#path = path;
    this.#commands = commands;
    const settings: ThreadSettings = {
      path,
      status: commands.status(),
      inspectable: isInspectable(),
      written: this.#written,
    };
    this.#worker = createWorker(settings);
  }

  /** Resolves when the socket is served. Once. */
  listening(onGone: (error: LastcallError) => void): Promise<void> {
    this.#onGone = onGone;
    return new Promise((resolve, reject) => {
      const fail = (message: string): void => {
        clearTimeout(timer);
        void this.close();
        reject(new LastcallError('LASTCALL_CONTROL_NOT_STARTED', message));
      };
      const timer = setTimeout(() => fail(`not served within ${START_MS} ms`), START_MS);
      this.#worker.once('error', (error) => this.#gone(toError(error), fail));
      this.#worker.once('exit', () => this.#gone(null, fail));
      this.#worker.on('message', (message: ToMain) => {
        if (message.type === 'refused') fail(message.message);
        else if (message.type === 'listening') {
          clearTimeout(timer);
          this.#worker.unref();
          this.#state = 'listening';
          resolve();
        } else this.#onMessage(message);
      });
    });
  }

  /** The state has changed: whoever asks while this thread is blocked learns of it. */
  tellStatus(): void {
    this.#send({ type: 'status', status: this.#commands.status() });
  }

  /** The process ends now: waits, for a moment, until what was answered is written, and removes the socket. */
  end(): void {
    if (this.#state !== 'listening') return;
    this.#state = 'closed';
    if (this.#open.size > 0 || this.#hasAnswered) {
      this.#send({ type: 'last' });
      Atomics.wait(new Int32Array(this.#written), 0, 0, LAST_WORDS_MS);
    }
    try {
      unlinkSync(this.#path);
    } catch {
      // It is gone already.
    }
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#send({ type: 'close' });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LAST_WORDS_MS * 2);
      this.#worker.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
    });
    await this.#worker.terminate();
  }

  #onMessage(message: ToMain): void {
    if (message.type === 'forget') this.#open.get(message.key)?.abort();
    if (message.type !== 'ask') return;
    const { key, request } = message;
    this.#send({ type: 'taken', key });
    const controller = new AbortController();
    this.#open.set(key, controller);
    const progress = (text: string): void => this.#send({ type: 'progress', key, text });
    // Not an async function: a dump would find it waiting for itself.
    new Promise((resolve) => resolve(this.#commands.run(request, progress, controller.signal)))
      .then((value) => this.#send({ type: 'answer', key, value: plain(value) }))
      .catch((thrown) => this.#send(failed(key, thrown)))
      .finally(() => {
        this.#open.delete(key);
        this.#hasAnswered = true;
      });
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #gone(cause: Error | null, fail: (message: string) => void): void {
    const why = cause === null ? '' : `: ${cause.message}`;
    if (this.#state === 'closed') return;
    const wasStarting = this.#state === 'starting';
    this.#state = 'closed';
    const message = `the thread of the control socket has ended${why}`;
    if (wasStarting) fail(message);
    else this.#onGone(new LastcallError('LASTCALL_CONTROL_NOT_STARTED', message));
  }
}

function createWorker(settings: ThreadSettings): Worker {
  try {
    return new Worker(join(__dirname, 'worker', 'worker.js'), {
      workerData: settings,
      name: 'lastcall control',
      // The program's preloads and flags are not for this thread.
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
  } catch (thrown) {
    const cause = toError(thrown);
    const message = `the control socket cannot be served: no thread can be started: ${cause.message}`;
    throw new LastcallError('LASTCALL_CONTROL_NOT_STARTED', message, { cause });
  }
}

/** As JSON and back: whatever adapters put into a report, it can be sent then. */
function plain(value: unknown): unknown {
  return value === undefined ? null : JSON.parse(JSON.stringify(value));
}

function failed(key: number, thrown: unknown): ToWorker {
  const error = toError(thrown) as Error & { readonly code?: unknown };
  const code = typeof error.code === 'string' ? error.code : null;
  return { type: 'failed', key, code, message: error.message };
}

/** What Node says of its permission model; undefined where it is off. */
interface Permission {
  has(scope: string): boolean;
}

/** Asked here and beforehand: in a worker that may not, connecting to the main thread aborts the process. */
function isInspectable(): boolean {
  const { permission } = process as unknown as { readonly permission?: Permission };
  return permission === undefined || permission.has('inspector');
}
