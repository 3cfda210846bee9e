import { CancelledWork, type Ending } from '../drain/cancelled-work';
import type { Outcome } from '../drain/cut-work';
import type { WorkSnapshot } from '../drain/drain-driver';
import {
  beforeLoss,
  busyCommands,
  currentCommand,
  isBusy,
  isPrepare,
  lastMessage,
  onCommandEnd,
  textOf,
} from './mysql2-internals';
import type { Mysql2Command, Mysql2Connection, Mysql2Packet } from './mysql2-pool';
import { type Answer, isError, readAnswer } from './server-status';

/** The server's numbers for: this statement was interrupted, this connection was killed, the server shuts down. */
const INTERRUPTED: ReadonlySet<number> = new Set([1317, 1927, 1053]);

/**
 * One statement that commits nothing but itself. Others may: a text of several, a procedure, `ALTER TABLE`, which commits
 * the transaction around it.
 */
const COMMITS_NOTHING =
  /^(?:\s|\/\*(?!M?!)(?:[^*]|\*(?!\/))*\*\/)*(?:select|insert|update|delete|replace|with|do|values|show|explain)\b[^;]*;?\s*$/i;

const COMMIT = /^\s*commit\b[^;]*;?\s*$/i;

/** One statement that leaves nothing behind, unless a `SELECT` calls a function of the application's own that writes. */
const HARMLESS = /^\s*(?:select|rollback|savepoint|release|show|use)\b[^;]*;?\s*$/i;

/**
 * One statement that commits a transaction which is open, and does nothing of its own that could be committed. (MariaDB's
 * `SET STATEMENT … FOR` does whatever comes behind it.)
 */
const COMMITS_OTHERS = /^\s*(?:begin|start\s+transaction|set(?!.*\bstatement\b))\b[^;]*;?\s*$/is;

/**
 * Prepares no transaction, as none has this name, and changes nothing: the server refuses it, and says in which state an XA
 * transaction of this connection is.
 */
const XA_STATE = `xa prepare 'lastcall'`;
const PREPARED = /\bPREPARED\b/;

/** What is known of one connection from outside: what it is at, and what the server answered once it was asked to stop. */
export class ConnectionRecord {
  readonly connection: Mysql2Connection;
  readonly #undo: (() => void)[];
  readonly #onLost: (outcome: Exclude<Outcome, 'finished'>) => void;
  /** What we ask ourselves. It is nobody's work. */
  readonly #questions = new WeakSet<Mysql2Command>();
  /** Whether the server's answers are followed: from the first cancel on. */
  isWatched = false;
  /** The last one then. */
  #answer: Answer | undefined;
  /** Whether its transaction was prepared at the first cancel: what the server says, or what we fear until it does. */
  #isPrepared: boolean | undefined;
  readonly #cancelled = new CancelledWork();

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
    return command !== undefined && this.#questions.has(command) ? undefined : command;
  }

  /** Whether a command of the application waits for the first of its answer, or for its turn. */
  get isBusy(): boolean {
    if (!isBusy(this.connection)) return false;
    return busyCommands(this.connection).some((command) => !this.#questions.has(command));
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
    return this.#lastAnswer?.isInTransaction;
  }

  get #lastAnswer(): Extract<Answer, { type: 'ok' }> | undefined {
    const answer = this.isWatched ? this.#answer : this.#read(lastMessage(this.connection));
    return answer?.type === 'ok' ? answer : undefined;
  }

  /**
   * Whether the open transaction may be one of XA that was prepared: it outlives its connection, and somebody else may commit
   * it. Behind the prepare nothing gets rows, or changes any.
   */
  get #mayBePrepared(): boolean {
    const answer = this.#lastAnswer;
    return this.#isPrepared ?? (answer?.isInTransaction === true && answer.isBare);
  }

  /** The server is about to be asked to stop what runs: from now on its answers are followed. */
  watch(): void {
    if (this.isWatched) return;
    this.#answer = this.#read(lastMessage(this.connection));
    this.isWatched = true;
    this.#undo.push(onCommandEnd(this.connection, this.#onCommandEnd));
    // After an error mysql2 does not know whether the transaction is still open; each answer of the server says it.
    if (this.look().state === 'unknown') this.whenAnswered(this.#askIfPrepared);
    else this.#askIfPrepared();
  }

  readonly #askIfPrepared = (): void => {
    // One that is prepared later may have been committed as well, as any other statement.
    this.#isPrepared = this.#mayBePrepared;
    if (this.running !== undefined || !this.#isPrepared) return;
    const asked = this.connection.query({ sql: XA_STATE }, (error) => {
      // Without a number the error is not the server's.
      if (error?.errno !== undefined && error.errno > 0)
        this.#isPrepared = PREPARED.test(error.message);
    });
    this.#note(asked);
  };

  /** Calls back when everything that was sent, and waits to be, has its answer. When the connection ends, it never does. */
  whenAnswered(then: () => void): void {
    this.#note(this.connection.ping((error) => error || then()));
  }

  /** @param question - Undefined where the connection is closed, and its error came at once. */
  #note(question: Mysql2Command | undefined): void {
    if (question !== undefined) this.#questions.add(question);
  }

  /** What became of the work that the application has ended after the cancel. */
  judgeReleased(): Outcome {
    return this.#cancelled.undone ?? 'finished';
  }

  /** What becomes of the work when the connection is destroyed now, or is gone. */
  judgeDestroyed(): Exclude<Outcome, 'finished'> {
    const { running, isInTransaction } = this;
    const { undone, mayHaveCommitted } = this.#cancelled;
    if (running === undefined && !isInTransaction)
      return undone ?? (isInTransaction === undefined ? 'outcome unknown' : 'cut');
    const cannotCommit = running === undefined ? !this.#mayBePrepared : commitsNothing(running);
    const isUndone = isInTransaction && cannotCommit && !mayHaveCommitted;
    return isUndone ? 'rolled back' : 'outcome unknown';
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
    if (this.#questions.has(command)) {
      if (!isError(last)) this.#answer = answer;
      return;
    }
    const isInterrupted = answer?.type === 'error' && INTERRUPTED.has(answer.errno);
    const isUndone = commitsNothing(command);
    if (isInterrupted) this.#cancelled.failed(isUndone);
    // Only the statement is undone: its transaction is as open as it was before.
    if (isInterrupted && isUndone) {
      this.#cancelled.ended(undefined, this.isInTransaction ?? true);
      return;
    }
    if (isPrepare(command) && !isError(last)) return;
    const ending = endingOf(command, this.isInTransaction);
    this.#answer = answer;
    if (isError(last)) return;
    const isOpen = answer?.type === 'ok' && answer.isInTransaction;
    // Other statements may commit the transaction around them.
    this.#cancelled.ended(ending, isOpen && (isUndone || ending === 'harmless'));
  };

  readonly #onEnd = (): void => this.#onLost(this.judgeDestroyed());
}

function commitsNothing(command: Mysql2Command): boolean {
  return COMMITS_NOTHING.test(textOf(command) ?? '');
}

/** @param wasInTransaction - Whether a transaction was open before `command`. */
function endingOf(command: Mysql2Command, wasInTransaction: boolean | undefined): Ending {
  const text = textOf(command) ?? '';
  if (COMMIT.test(text)) return 'commit';
  if (wasInTransaction === false && COMMITS_OTHERS.test(text)) return 'harmless';
  return HARMLESS.test(text) ? 'harmless' : 'other';
}
