import type { Outcome } from '../drain/cut-work';
import type { WorkSnapshot } from '../drain/drain-driver';
import { beforeLoss, currentCommand, lastMessage, onCommandEnd, textOf } from './mysql2-internals';
import type { Mysql2Command, Mysql2Connection, Mysql2Packet } from './mysql2-pool';
import { type Answer, readAnswer } from './server-status';

/** The server's numbers for: this statement was interrupted, this connection was killed, the server shuts down. */
const INTERRUPTED: ReadonlySet<number> = new Set([1317, 1927, 1053]);

/**
 * One statement that commits nothing but itself. Others may: a text of several, a procedure, `ALTER TABLE`, which commits
 * the transaction around it.
 */
const COMMITS_NOTHING =
  /^(?:\s|\/\*(?!M?!)(?:[^*]|\*(?!\/))*\*\/)*(?:select|insert|update|delete|replace|with|do|values|show|explain)\b[^;]*;?\s*$/i;

const COMMIT = /^\s*commit\b/i;

/** What is known of one connection from outside: what it is at, and what the server answered once it was asked to stop. */
export class ConnectionRecord {
  readonly connection: Mysql2Connection;
  readonly #undo: (() => void)[];
  readonly #onLost: (outcome: Exclude<Outcome, 'finished'>) => void;
  /** Asks for the state of the transaction. It is nobody's work. */
  #question: Mysql2Command | undefined;
  /** Whether the server's answers are followed: from the first cancel on. */
  isWatched = false;
  /** The last one then. */
  #answer: Answer | undefined;
  /** The server has interrupted a statement, and nothing was committed after it. */
  #interrupted: Exclude<Outcome, 'finished'> | undefined;

  constructor(
    connection: Mysql2Connection,
    onLost: (outcome: Exclude<Outcome, 'finished'>) => void,
  ) {
    this.connection = connection;
    this.#onLost = onLost;
    // Before mysql2's own, which forget what runs. (And mysql2 listens only once: a second error would crash the process.)
    connection.prependListener('end', this.#onEnd);
    connection.prependListener('error', this.#onEnd);
    this.#undo = [
      () => connection.off('end', this.#onEnd),
      () => connection.off('error', this.#onEnd),
      beforeLoss(connection, this.#onEnd),
    ];
  }

  /** The command that runs. */
  get running(): Mysql2Command | undefined {
    const command = currentCommand(this.connection);
    return command === this.#question ? undefined : command;
  }

  look(): WorkSnapshot {
    const connection = this.connection.threadId ?? undefined;
    const { running } = this;
    if (running !== undefined) return { state: 'running', connection, sql: textOf(running) };
    const { isInTransaction } = this;
    if (isInTransaction === undefined) return { state: 'unknown', connection };
    return { state: isInTransaction ? 'in transaction' : 'idle', connection };
  }

  /** Whether a transaction is open, or was before the command that runs. Undefined where that is not known. */
  get isInTransaction(): boolean | undefined {
    const answer = this.isWatched ? this.#answer : this.#read(lastMessage(this.connection));
    return answer?.type === 'ok' ? answer.isInTransaction : undefined;
  }

  /** The server is about to be asked to stop what runs: from now on its answers are followed. */
  watch(): void {
    if (this.isWatched) return;
    this.#answer = this.#read(lastMessage(this.connection));
    this.isWatched = true;
    this.#undo.push(onCommandEnd(this.connection, this.#onCommandEnd));
    // After an error mysql2 does not know whether the transaction is still open; each answer of the server says it.
    if (this.look().state === 'unknown') this.#question = this.connection.ping(ignore);
  }

  /** What became of the work that the application has ended after the cancel. */
  judgeReleased(): Outcome {
    return this.#interrupted ?? 'finished';
  }

  /** What becomes of the work when the connection is destroyed now, or is gone. */
  judgeDestroyed(): Exclude<Outcome, 'finished'> {
    const { running, isInTransaction } = this;
    if (running !== undefined)
      return isInTransaction && commitsNothing(running) ? 'rolled back' : 'outcome unknown';
    if (isInTransaction) return 'rolled back';
    return this.#interrupted ?? (isInTransaction === undefined ? 'outcome unknown' : 'cut');
  }

  /** Takes every hook away. */
  release(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  #read(packet: Mysql2Packet | undefined): Answer | undefined {
    return packet === undefined ? undefined : readAnswer(packet);
  }

  readonly #onCommandEnd = (command: Mysql2Command, last: Mysql2Packet): void => {
    const answer = readAnswer(last);
    if (command === this.#question) this.#question = undefined;
    if (answer?.type === 'error' && INTERRUPTED.has(answer.errno)) {
      // Only the statement is undone: its transaction is as open as it was before.
      if (commitsNothing(command)) {
        this.#interrupted = 'rolled back';
        return;
      }
      this.#interrupted = 'outcome unknown';
    }
    this.#answer = answer;
    // The application may have gone on, and committed the rest.
    if (answer?.type === 'ok' && COMMIT.test(textOf(command) ?? '')) this.#interrupted = undefined;
  };

  readonly #onEnd = (): void => this.#onLost(this.judgeDestroyed());
}

function commitsNothing(command: Mysql2Command): boolean {
  return COMMITS_NOTHING.test(textOf(command) ?? '');
}

function ignore(): void {}
