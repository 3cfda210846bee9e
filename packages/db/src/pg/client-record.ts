import { CancelledWork } from '../drain/cancelled-work';
import type { Outcome } from '../drain/cut-work';
import type { WorkSnapshot } from '../drain/drain-driver';
import { endingOfTags, isUndoneByError, mayCommitAny } from '../postgres-wire/may-commit';
import { activeQuery, sentQueries } from './pg-internals';
import type { PgClient, PgMessage } from './pg-pool';

/** SQLSTATE of a statement that was cancelled. */
const QUERY_CANCELED = '57014';

/** SQLSTATEs of a session's end; the severity that says so as well may be translated. */
const SESSION_ENDS = /^(?:57P0[1-5]|25P0[34])$/;

/** What is known of one client from outside: what it is at, and what the server answered once it was asked to cancel. */
export class ClientRecord {
  readonly client: PgClient;
  readonly #onLost: (record: ClientRecord, outcome: Exclude<Outcome, 'finished'>) => void;
  /** From the first cancel on: what the server has answered since. */
  #cancelled: CancelledWork | undefined;
  /** The tags of what has ended since the server was ready last. */
  #tags: string[] = [];
  /** Whether something has failed since then. */
  #hasFailed = false;

  constructor(
    client: PgClient,
    onLost: (record: ClientRecord, outcome: Exclude<Outcome, 'finished'>) => void,
  ) {
    this.client = client;
    this.#onLost = onLost;
    // Checked out, a client has no other listener for errors: without one the process would crash.
    client.on('error', ignore);
    // Before pg's own, which forget the query.
    client.connection?.prependListener('errorMessage', this.#onErrorMessage);
    client.connection?.prependListener('error', this.#onEnd);
    client.connection?.prependListener('end', this.#onEnd);
  }

  look(): WorkSnapshot {
    const query = activeQuery(this.client);
    const { processID } = this.client;
    const connection = processID ?? undefined;
    if (query !== undefined) {
      const sql = typeof query.text === 'string' ? query.text : undefined;
      return { state: 'running', connection, sql };
    }
    if (this.client.getTransactionStatus === undefined) return { state: 'unknown', connection };
    return { state: this.#isInTransaction ? 'in transaction' : 'idle', connection };
  }

  /** The server is about to be asked to cancel what runs. */
  watchCancel(): void {
    if (this.#cancelled !== undefined) return;
    this.#cancelled = new CancelledWork();
    // Before pg's own, which may release the client.
    this.client.connection?.prependListener('commandComplete', this.#onCommandComplete);
    this.client.connection?.prependListener('readyForQuery', this.#onReady);
  }

  /** What became of the work that the application has ended after the cancel. */
  judgeReleased(): Outcome {
    return this.#cancelled?.undone ?? 'finished';
  }

  /** What becomes of the work when the connection is destroyed now, or is gone. */
  judgeDestroyed(): Exclude<Outcome, 'finished'> {
    const { state } = this.look();
    if (state === 'idle') return this.#cancelled?.undone ?? 'cut';
    if (state === 'unknown' || this.#cancelled?.mayHaveCommitted) return 'outcome unknown';
    return state === 'running' ? this.#judgeRunning() : 'rolled back';
  }

  /** Takes every listener away. */
  release(): void {
    const { client } = this;
    client.off('error', ignore);
    client.connection?.off('errorMessage', this.#onErrorMessage);
    client.connection?.off('error', this.#onEnd);
    client.connection?.off('end', this.#onEnd);
    client.connection?.off('commandComplete', this.#onCommandComplete);
    client.connection?.off('readyForQuery', this.#onReady);
  }

  /** In a transaction the server undoes everything when the connection goes, unless a commit is among what it has got. */
  #judgeRunning(): 'rolled back' | 'outcome unknown' {
    const sent = sentQueries(this.client).map(({ text }) => text);
    return this.#isInTransaction && !mayCommitAny(sent) ? 'rolled back' : 'outcome unknown';
  }

  get #isInTransaction(): boolean {
    const status = this.client.getTransactionStatus?.();
    return status === 'T' || status === 'E';
  }

  readonly #onErrorMessage = (message: PgMessage): void => {
    const { code, severity } = message;
    this.#hasFailed = true;
    if (severity === 'FATAL' || SESSION_ENDS.test(code ?? ''))
      this.#lose(isOfServer(message) ? this.#judgeEnded() : this.judgeDestroyed());
    else if (code === QUERY_CANCELED)
      this.#cancelled?.failed(this.#isUndoneByError && isOfServer(message));
  };

  /** The server ends the session, in its own words: what runs has failed, also a commit. */
  #judgeEnded(): Exclude<Outcome, 'finished'> {
    const isRunning = this.look().state === 'running';
    if (!isRunning || this.#cancelled?.mayHaveCommitted) return this.judgeDestroyed();
    return this.#isUndoneByError ? 'rolled back' : 'outcome unknown';
  }

  get #isUndoneByError(): boolean {
    return isUndoneByError(activeQuery(this.client)?.text, this.#isInTransaction);
  }

  readonly #onCommandComplete = ({ text = '' }: PgMessage): void => {
    this.#tags.push(text);
  };

  readonly #onReady = ({ status }: PgMessage): void => {
    this.#cancelled?.ended(endingOfTags(this.#tags, this.#hasFailed), status !== 'I');
    this.#tags = [];
    this.#hasFailed = false;
  };

  readonly #onEnd = (): void => this.#lose(this.judgeDestroyed());

  #lose(outcome: Exclude<Outcome, 'finished'>): void {
    hearErrors(this.client);
    this.#onLost(this, outcome);
  }
}

/**
 * From now on an error of `client` crashes nobody, whoever takes their listeners away: an application that has taken away all of
 * them, ours among them, has no part in how its connections end.
 */
export function hearErrors(client: PgClient): void {
  client.on('error', ignore);
  client.connection?.on('error', ignore);
}

/**
 * Whether the server itself has said it: it names the place in its source. A pooler between it and us (pgbouncer and its
 * `query_timeout`) says the same of a statement that goes on.
 */
function isOfServer({ routine }: PgMessage): boolean {
  return routine !== undefined;
}

function ignore(): void {}
