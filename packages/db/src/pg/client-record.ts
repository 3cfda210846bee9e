import type { Outcome } from '../drain/cut-work';
import type { WorkSnapshot } from '../drain/drain-driver';
import { activeQuery } from './pg-internals';
import type { PgClient, PgMessage } from './pg-pool';

/** SQLSTATE of a statement that was cancelled. */
const QUERY_CANCELED = '57014';

/** SQLSTATEs of a session's end; the severity that says so as well may be translated. */
const SESSION_ENDS = /^(?:57P0[1-5]|25P0[34])$/;

/** Statements that may end a transaction by committing it, also as one of several in a text. */
const MAY_COMMIT = /\b(?:commit|end|prepare)\b/i;

/** What is known of one client from outside: what it is at, and what the server answered once it was asked to cancel. */
export class ClientRecord {
  readonly client: PgClient;
  readonly #onLost: (record: ClientRecord, outcome: Exclude<Outcome, 'finished'>) => void;
  /** Whether a cancel was asked for. From then on the server's answers are followed. */
  #isCancelled = false;
  /** The server has undone a statement, because of the cancel, and nothing was committed after it. */
  #isUndone = false;

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
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.client.connection?.on('commandComplete', this.#onCommandComplete);
  }

  /** What became of the work that the application has ended after the cancel. */
  judgeReleased(): Outcome {
    return this.#isUndone ? 'rolled back' : 'finished';
  }

  /** What becomes of the work when the connection is destroyed now, or is gone. */
  judgeDestroyed(): Exclude<Outcome, 'finished'> {
    const { state } = this.look();
    if (state === 'running') return this.#judgeRunning();
    if (state === 'in transaction') return 'rolled back';
    if (state === 'unknown') return 'outcome unknown';
    return this.#isUndone ? 'rolled back' : 'cut';
  }

  /** Takes every listener away. */
  release(): void {
    const { client } = this;
    client.off('error', ignore);
    client.connection?.off('errorMessage', this.#onErrorMessage);
    client.connection?.off('error', this.#onEnd);
    client.connection?.off('end', this.#onEnd);
    client.connection?.off('commandComplete', this.#onCommandComplete);
  }

  /** In a transaction the server undoes everything when the connection goes, unless the commit is what it works on. */
  #judgeRunning(): 'rolled back' | 'outcome unknown' {
    const text = activeQuery(this.client)?.text;
    const cannotCommit = typeof text === 'string' && !MAY_COMMIT.test(text);
    return this.#isInTransaction && cannotCommit ? 'rolled back' : 'outcome unknown';
  }

  get #isInTransaction(): boolean {
    const status = this.client.getTransactionStatus?.();
    return status === 'T' || status === 'E';
  }

  readonly #onErrorMessage = ({ code, severity }: PgMessage): void => {
    if (severity === 'FATAL' || SESSION_ENDS.test(code ?? '')) {
      // The session ends: what runs is undone, with the transaction. A COMMIT that is reported as failed has failed.
      const isAtWork = this.look().state !== 'idle';
      this.#onLost(this, isAtWork || this.#isUndone ? 'rolled back' : 'cut');
    } else if (this.#isCancelled && code === QUERY_CANCELED) this.#isUndone = true;
  };

  /** The application may have gone back to a savepoint and committed the rest. */
  readonly #onCommandComplete = ({ text }: PgMessage): void => {
    if (text === 'COMMIT') this.#isUndone = false;
  };

  readonly #onEnd = (): void => this.#onLost(this, this.judgeDestroyed());
}

function ignore(): void {}
