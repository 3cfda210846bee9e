import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { LastcallError, type LastcallErrorCode, toError } from '@lastcall/proc';
import type { Question, StatusSnapshot, ToMain, ToWorker, WorkerSettings } from './protocol';

/** How long the worker may take to listen, in milliseconds. */
const START_DEADLINE_MS = 10_000;
/** How long it may take to say that it has closed, before it is ended. */
const CLOSE_DEADLINE_MS = 250;
/** Enough for a minute's profile of a large program; a worker that needs more ends alone. */
const WORKER_HEAP_MB = 256;

type State =
  | { readonly name: 'starting' | 'listening' }
  | { readonly name: 'closing' | 'ended'; readonly closed: Promise<void> };

/** What the main thread does for the worker. */
export interface ServerThreadHost {
  answer(question: Question): unknown;
  rest(watch: 'status' | 'metrics'): void;
  /** The worker ended though nobody closed it. */
  onGone(error: LastcallError): void;
}

/** The main thread's end of the worker in which the HTTP server runs. Keeps the process alive only while it starts. */
export class ServerThread {
  readonly #worker: Worker;
  readonly #host: ServerThreadHost;
  #state: State = { name: 'starting' };
  #lastError: Error | undefined;

  constructor(settings: WorkerSettings, host: ServerThreadHost) {
    this.#host = host;
    this.#worker = createWorker(settings);
    this.#worker.on('error', (error) => {
      this.#lastError = toError(error);
    });
    this.#worker.once('exit', (code) => this.#onExit(code));
  }

  /** Resolves with the address when the server listens. Once. */
  listening(): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const message = `the devserver did not start within ${START_DEADLINE_MS} ms`;
        fail(new LastcallError('LASTCALL_DEVSERVER_NOT_STARTED', message));
      }, START_DEADLINE_MS);
      const fail = (error: LastcallError): void => {
        clearTimeout(timer);
        reject(error);
        void this.close(null);
      };
      this.#worker.once('exit', () => fail(this.#gone('ended before it listened')));
      this.#worker.on('message', (message: ToMain) => {
        if (message.type === 'refused') fail(refused(message));
        else if (message.type === 'listening') {
          clearTimeout(timer);
          this.#worker.unref();
          if (this.#state.name === 'starting') this.#state = { name: 'listening' };
          resolve(message.address);
        } else this.#onMessage(message);
      });
    });
  }

  send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /**
   * Closes the server and ends the thread, within {@link CLOSE_DEADLINE_MS}.
   *
   * @param status - What watchers are sent as the last thing.
   */
  close(status: StatusSnapshot | null): Promise<void> {
    if ('closed' in this.#state) return this.#state.closed;
    const closed = this.#close(status);
    this.#state = { name: 'closing', closed };
    return closed;
  }

  async #close(status: StatusSnapshot | null): Promise<void> {
    const said = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_DEADLINE_MS);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#worker.once('exit', done);
      this.#worker.on('message', ({ type }: ToMain) => {
        if (type === 'closed') done();
      });
    });
    this.send({ type: 'close', status });
    await said;
    await this.#worker.terminate();
  }

  #onMessage(message: ToMain): void {
    if (message.type === 'rest') this.#host.rest(message.watch);
    if (message.type !== 'ask') return;
    const { id, question } = message;
    // Not an async function: a dump would find it waiting for itself.
    new Promise((resolve) => resolve(this.#host.answer(question)))
      .then((value) => this.send({ type: 'answer', id, value }))
      .catch((thrown) => this.send({ type: 'failed', id, message: toError(thrown).message }));
  }

  #onExit(code: number): void {
    const { name } = this.#state;
    if (!('closed' in this.#state)) this.#state = { name: 'ended', closed: Promise.resolve() };
    if (name === 'listening') this.#host.onGone(this.#gone(`ended with code ${code}`));
  }

  #gone(how: string): LastcallError {
    const why = this.#lastError === undefined ? '' : `: ${this.#lastError.message}`;
    const message = `the worker thread of the devserver ${how}${why}; the process goes on without it`;
    return new LastcallError('LASTCALL_DEVSERVER_GONE', message, { cause: this.#lastError });
  }
}

/** Throws LastcallError `LASTCALL_DEVSERVER_NOT_STARTED`, where permissions forbid workers for one. */
function createWorker(settings: WorkerSettings): Worker {
  try {
    return new Worker(join(__dirname, 'worker', 'worker.js'), {
      workerData: settings,
      name: 'lastcall devserver',
      // The program's preloads and flags are not for this thread.
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB },
    });
  } catch (thrown) {
    const cause = toError(thrown);
    const message = `the devserver cannot start its worker thread: ${cause.message}`;
    throw new LastcallError('LASTCALL_DEVSERVER_NOT_STARTED', message, { cause });
  }
}

function refused({ code, message }: { code: string | undefined; message: string }): LastcallError {
  const ours: LastcallErrorCode =
    code === 'EADDRINUSE' ? 'LASTCALL_DEVSERVER_IN_USE' : 'LASTCALL_DEVSERVER_NOT_STARTED';
  const advice = code === 'EADDRINUSE' ? '; choose another port or path, or port 0' : '';
  const cause = Object.assign(new Error(message), code === undefined ? {} : { code });
  return new LastcallError(ours, `the devserver cannot listen: ${message}${advice}`, { cause });
}
