import type { Outcome, WorkState } from '../drain/cut-work';
import type { MongoConnection, MongoOperation, MongoServer, MongoSession } from './mongo-client';

/** What became of work that did not finish. */
type Fate = Exclude<Outcome, 'finished'>;

const READS = new Set([
  'count',
  'distinct',
  'find',
  'getMore',
  'hello',
  'listCollections',
  'listDatabases',
  'listIndexes',
  'ping',
]);

const ENDS = new Set(['abortTransaction', 'endSessions', 'killCursors']);

/**
 * Error codes of an operation that was killed: Interrupted, CursorKilled, CursorNotFound, NoSuchTransaction
 * (error_codes.yml of MongoDB).
 */
const KILLED = new Set<unknown>([11601, 237, 43, 251]);

/** From the worst. */
const FATES: readonly Fate[] = ['outcome unknown', 'rolled back', 'cut'];

/** An operation in the driver's hands, from the choice of a server to its answer. A retry is another one. */
export class RunningOperation {
  readonly operation: MongoOperation;
  readonly server: MongoServer;
  /** Undefined while it waits for one: nothing of it has been sent. */
  connection: MongoConnection | undefined;

  constructor(operation: MongoOperation, server: MongoServer) {
    this.operation = operation;
    this.server = server;
    this.connection = operation.session?.pinnedConnection;
  }

  get name(): string {
    return nameOf(this.operation);
  }
}

/**
 * One session: an operation that was given none, a cursor from its first batch to its last, or what the application does
 * between `startSession()` and `endSession()`.
 */
export class SessionWork {
  readonly session: MongoSession;
  readonly running: RunningOperation[] = [];
  /** Why nothing more may be sent for it. */
  reason: Error | undefined;
  /** What became of the last operation that failed without the server having its say. */
  fate: Fate | undefined;
  /** It waits for what never ends, and the drain ends it: that is no loss. */
  #onInterrupted: (() => void) | undefined;
  #isCancelled = false;
  /** The last operation. */
  #last: MongoOperation | undefined;
  #failed: MongoOperation | undefined;
  readonly #isOlder: boolean;

  /** @param isOlder - It had begun before: what it is at is not known until its next operation. */
  constructor(session: MongoSession, isOlder = false) {
    this.session = session;
    this.#isOlder = isOlder;
  }

  /** @throws what it may not go on for */
  begin(operation: MongoOperation, server: MongoServer): RunningOperation {
    if (this.reason !== undefined && !isEnd(operation)) {
      this.#onInterrupted?.();
      throw this.reason;
    }
    const begun = new RunningOperation(operation, server);
    this.running.push(begun);
    this.#last = operation;
    return begun;
  }

  answered(answered: RunningOperation): void {
    this.#remove(answered);
    // The driver has tried it again, or the transaction has been committed after all.
    if (answered.operation === this.#failed || answered.name === 'commitTransaction')
      this.fate = undefined;
  }

  failed(failed: RunningOperation, error: unknown): void {
    if (this.#onInterrupted !== undefined && error === this.reason) {
      this.#remove(failed);
      this.#onInterrupted();
      return;
    }
    const fate = this.#fateOf(failed);
    this.#remove(failed);
    if (isAnswer(error) && !(this.#isCancelled && wasKilled(error))) return;
    this.fate = worst([fate, this.fate]);
    this.#failed = failed.operation;
  }

  /**
   * Ends what waits for things to come, now or when it asks for the next ones: it fails with `reason`.
   * @param onInterrupted - Called when it has failed.
   */
  interrupt(reason: Error, onInterrupted: () => void): void {
    this.reason = reason;
    this.#onInterrupted = onInterrupted;
    for (const { connection } of this.running) connection?.onError(reason);
  }

  /** The server is about to be asked to kill what runs. What has not come to a server yet never does. */
  watchCancel(reason: Error): void {
    this.#isCancelled = true;
    if (this.isUnknown) this.fate ??= 'outcome unknown';
    if (this.running.length > 0 || this.state !== 'queued') return;
    this.fate ??= 'cut';
    this.reason = reason;
  }

  /** What it is at had begun before anything was noted. */
  get isUnknown(): boolean {
    return this.#isOlder && this.#last === undefined;
  }

  get state(): WorkState {
    if (this.isUnknown) return 'unknown';
    if (this.running.some(({ connection }) => connection !== undefined)) return 'running';
    if (this.running.length > 0 || this.#waitsForServer) return 'queued';
    return this.session.inTransaction() ? 'in transaction' : 'idle';
  }

  /** The name of what runs, or of what came last. */
  get command(): string | undefined {
    const operation = this.running[0]?.operation ?? this.#last;
    return operation === undefined ? undefined : nameOf(operation);
  }

  /** What becomes of the work when its connections are destroyed now. */
  judgeDestroyed(): Fate {
    if (this.isUnknown) return 'outcome unknown';
    const idle = this.session.inTransaction() ? 'rolled back' : 'cut';
    const fates = [this.fate, ...this.running.map((each) => this.#fateOf(each))];
    return worst(fates) ?? idle;
  }

  /** The driver's own session for an operation begins before a server is known for it. */
  get #waitsForServer(): boolean {
    return !this.session.explicit && (this.#last === undefined || this.#failed !== undefined);
  }

  /** What becomes of an operation that gets no answer. Nobody commits the transaction of one that has failed. */
  #fateOf({ operation, connection, name }: RunningOperation): Fate {
    if (connection === undefined)
      return this.fate ?? (this.session.inTransaction() ? 'rolled back' : 'cut');
    if (name === 'commitTransaction') return 'outcome unknown';
    const isRead = READS.has(name) || (name === 'aggregate' && operation.hasWriteStage === false);
    const isUndone = isRead || name === 'abortTransaction' || this.session.inTransaction();
    return isUndone ? 'rolled back' : 'outcome unknown';
  }

  #remove(operation: RunningOperation): void {
    this.running.splice(this.running.indexOf(operation), 1);
  }
}

/** Whether `operation` only ends something: the driver sends it by itself, or the application after what was cut. */
export function isEnd(operation: MongoOperation): boolean {
  return ENDS.has(nameOf(operation));
}

/** What a command is called at the server. */
export function nameOf({ commandName, command }: MongoOperation): string {
  return commandName === 'runCommand'
    ? (Object.keys(command ?? {})[0] ?? commandName)
    : commandName;
}

/** Whether the server has answered, if only with an error. */
function isAnswer(error: unknown): error is { readonly code?: unknown } {
  return error instanceof Error && 'errorResponse' in error;
}

function wasKilled({ code }: { readonly code?: unknown }): boolean {
  return KILLED.has(code);
}

function worst(fates: readonly (Fate | undefined)[]): Fate | undefined {
  return FATES.find((fate) => fates.includes(fate));
}
