import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LastcallError } from '../src';
import { toError } from '../src/lastcall-error';

it('every error code has a section in docs/errors.md, and every section a code', () => {
  const page = readFileSync(join(__dirname, '../../../docs/errors.md'), 'utf8');
  const sections = [...page.matchAll(/^### (LASTCALL_[A-Z0-9_]+)$/gm)].map(([, code]) => code);
  expect(sections.toSorted()).toEqual(Object.keys(LastcallError.codes).toSorted());
});

describe('LastcallError', () => {
  it('has a name, a code, a message and a cause', () => {
    const cause = new Error('below');
    const error = new LastcallError('LASTCALL_BAD_OPTION', 'above', { cause });
    expect({ ...error, name: error.name, message: error.message, cause: error.cause }).toEqual({
      name: 'LastcallError',
      code: 'LASTCALL_BAD_OPTION',
      message: 'above',
      cause,
    });
    expect(error).toBeInstanceOf(LastcallError);
    expect(new Error('x')).not.toBeInstanceOf(LastcallError);
    expect(String(error)).toBe('LastcallError: above');
  });
});

describe('toError()', () => {
  it('makes an Error of whatever was thrown', () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    expect(toError('text').message).toBe('text');
    expect(toError({ a: 1 }).message).toBe('a non-error was thrown: {"a":1}');
    expect(toError(undefined).message).toBe('a non-error was thrown: undefined');
    expect(toError(circular).message).toBe(
      'a non-error was thrown: something that cannot be printed',
    );
  });
});
