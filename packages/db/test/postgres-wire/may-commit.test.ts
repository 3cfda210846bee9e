import {
  endingOfTags,
  isUndoneByError,
  mayCommit,
  mayCommitAny,
} from '../../src/postgres-wire/may-commit';

describe('isUndoneByError()', () => {
  it.each([
    'insert into t select 1',
    'select case when a then b end from t;',
    "insert into t values (';') on conflict do nothing",
    'insert into t values (1); insert into t values (2)',
    'commit',
    "prepare transaction 'x'",
  ])('is true of %s', (text) => {
    expect(isUndoneByError(text, false)).toBe(true);
  });

  it.each([
    undefined,
    'call p()',
    '/* a comment */ call p()',
    'do $$ begin commit; end $$',
    'DO language plpgsql $$ begin end $$',
    'vacuum t',
    'create index concurrently on t (i)',
    'drop database d',
    'insert into t values (1); commit; select 1',
    'begin; insert into t values (1); end; select 1',
    'select 1; call p()',
  ])('is false of %s', (text) => {
    expect(isUndoneByError(text, false)).toBe(false);
  });

  it('is true of one statement in a transaction, and not of several with a commit', () => {
    expect(isUndoneByError('call p()', true)).toBe(true);
    expect(isUndoneByError('commit; call p()', true)).toBe(false);
  });
});

describe('mayCommit()', () => {
  it('is true in doubt', () => {
    expect([undefined, 'commit', 'END', 'a; COMMIT'].map(mayCommit)).toEqual(Array(4).fill(true));
    expect(mayCommit('insert into t values (1)')).toBe(false);
  });
});

describe('mayCommitAny()', () => {
  it('is true of what stands behind the end of the transaction', () => {
    expect(mayCommitAny(['insert into t values (1)', 'rollback'])).toBe(false);
    expect(mayCommitAny(['rollback', 'insert into t values (1)'])).toBe(true);
    expect(mayCommitAny(['abort; insert into t values (1)'])).toBe(true);
    expect(mayCommitAny(['rollback to s; insert into t values (1)'])).toBe(false);
    expect(mayCommitAny(['insert into t values (1)', 'commit'])).toBe(true);
  });
});

describe('endingOfTags()', () => {
  it('knows the commit of a transaction from one among other commands, or before an error', () => {
    expect(endingOfTags([])).toBeUndefined();
    expect(endingOfTags(['COMMIT'])).toBe('commit');
    expect(endingOfTags(['COMMIT', 'BEGIN'])).toBe('commit of several');
    expect(endingOfTags(['COMMIT'], true)).toBe('commit of several');
    expect(endingOfTags(['BEGIN', 'ROLLBACK'])).toBe('harmless');
    expect(endingOfTags(['BEGIN', 'INSERT 0 1'])).toBe('other');
  });
});
