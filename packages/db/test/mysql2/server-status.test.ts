import { isError, readAnswer } from '../../src/mysql2/server-status';

/** A message with `content`, somewhere in a buffer. */
function message(...content: number[]) {
  const buffer = Buffer.from([9, 9, content.length, 0, 0, 1, ...content, 9, 9]);
  return { buffer, start: 2, end: 6 + content.length };
}

describe('readAnswer()', () => {
  it('reads whether a transaction is open', () => {
    const open = { type: 'ok', isInTransaction: true, isBare: false };
    const none = { type: 'ok', isInTransaction: false, isBare: false };
    // OK: affected rows, insert id, status, warnings
    expect(readAnswer(message(0, 1, 0, 0b11, 0, 0, 0))).toEqual(open);
    expect(readAnswer(message(0, 1, 0, 0b10, 0, 0, 0))).toEqual(none);
    expect(readAnswer(message(0, 0xfc, 1, 1, 0xfd, 1, 1, 1, 0b11, 0, 0, 0, 7))).toEqual(open);
    const large = [0xfe, 1, 1, 1, 1, 1, 1, 1, 1];
    expect(readAnswer(message(0, ...large, ...large, 0b10, 0, 0, 0))).toEqual(none);
    expect(readAnswer(message(0, 0, 0, 0b11, 0, 0, 0))).toEqual({ ...open, isBare: true });
    // EOF: warnings, status
    expect(readAnswer(message(0xfe, 0, 0, 0b11, 0))).toEqual(open);
    expect(readAnswer(message(0xfe, 0, 0, 0b10, 0))).toEqual(none);
  });

  it('reads errors', () => {
    const error = message(0xff, 0x25, 0x05, 0x23, 0x37, 0x30);
    expect(readAnswer(error)).toEqual({ type: 'error', errno: 1317 });
    expect(isError(error)).toBe(true);
    expect(isError(message(0, 1, 0, 0b11, 0, 0, 0))).toBe(false);
  });

  it('says nothing of what is no end of a command', () => {
    expect(readAnswer(message(0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0))).toBeUndefined();
    expect(readAnswer(message(3, 0x66, 0x6f, 0x6f, 1, 0))).toBeUndefined();
    expect(readAnswer(message(0xfe, 1, 1, 1, 1, 1, 1, 1, 1, 0x66))).toBeUndefined();
    expect(readAnswer(message())).toBeUndefined();
    expect(readAnswer(message(0, 0xfe, 0, 0, 0, 0))).toBeUndefined();
  });
});
