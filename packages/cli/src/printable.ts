/**
 * `text` without what a terminal would obey: names, paths and messages come from other processes. One line, at most `length`
 * characters.
 */
export function printable(text: unknown, length = 500): string {
  const clean = String(text).replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
  return clean.length > length ? `${clean.slice(0, length - 1)}…` : clean;
}

/** The same of a text of several lines, however long. */
export function printableLines(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\uFFFD');
}
