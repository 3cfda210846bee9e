import type { Ending } from '../drain/cancelled-work';

/** Statements that may end a transaction by committing it, also as one of several in a text. */
const COMMITS = /\b(?:commit|end|prepare)\b/i;

/** Statements that, where no transaction is open, may commit what they have done so far, and go on. */
const COMMITS_ON_ITS_WAY =
  /\b(?:call|vacuum|cluster|reindex|concurrently|database|tablespace|subscription)\b|\bdo\s*(?:\$|e?'|language\b)/i;

/** More than one statement, as far as a semicolon tells: it may be in a string. */
const SEVERAL = /;\s*\S/;

/** Whether `text` may be one of several statements. */
export function isSeveral(text: string): boolean {
  return SEVERAL.test(text);
}

/** Whether a commit is part of what `text` does. In doubt it is. */
export function mayCommit(text: unknown): boolean {
  return typeof text !== 'string' || COMMITS.test(text);
}

/** Behind the end of the transaction they are in one that commits at its end. */
const MORE_BEHIND_ROLLBACK =
  /\b(?:rollback|abort)\b(?!\s+(?:work\s+|transaction\s+)?to\b)[^;]*;\s*\S/i;

/**
 * Whether the server, which has got `texts` in this order in an open transaction, may commit any of it. In doubt it may.
 */
export function mayCommitAny(texts: readonly unknown[]): boolean {
  return texts.some(mayCommit) || MORE_BEHIND_ROLLBACK.test(texts.join(';'));
}

/**
 * Whether nothing that `text` has done is left when the server has ended it with an error. In doubt it is not known.
 * @param isInTransaction - Whether a transaction was open before it.
 */
export function isUndoneByError(text: unknown, isInTransaction: boolean): boolean {
  if (typeof text !== 'string') return false;
  if (isSeveral(text)) return !COMMITS.test(text) && !COMMITS_ON_ITS_WAY.test(text);
  // A commit that has failed has not committed.
  return isInTransaction || !COMMITS_ON_ITS_WAY.test(text);
}

/** Tags of commands of which nothing can be committed. A `SELECT` may call a function that writes. */
const HARMLESS =
  /^(?:BEGIN|START TRANSACTION|ROLLBACK|SAVEPOINT|RELEASE|SET|RESET|SHOW|DISCARD|DEALLOCATE|LISTEN|UNLISTEN)\b/;

/**
 * How commands have ended that the server had got as one text, by their tags. Undefined where none has.
 * @param hasFailed - Whether another one, behind them in the text, has failed.
 */
export function endingOfTags(tags: readonly string[], hasFailed = false): Ending | undefined {
  if (tags.length === 0) return undefined;
  // Behind others in its text, or before them, it may have committed more than the transaction that was open.
  if (tags.includes('COMMIT'))
    return tags.length === 1 && !hasFailed ? 'commit' : 'commit of several';
  return tags.every((tag) => HARMLESS.test(tag)) ? 'harmless' : 'other';
}
