const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The strings of a heap snapshot, left as they came: they hold whatever the process has in memory, and few are needed.
 */
export class SnapshotStrings {
  readonly #bytes: Buffer;
  /** Where each string begins (its quote). */
  readonly #starts: Uint32Array;
  readonly #decoded = new Map<number, string>();

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#starts = findStarts(bytes);
  }

  at(index: number): string {
    const known = this.#decoded.get(index);
    if (known !== undefined) return known;
    const text = this.#decode(index);
    this.#decoded.set(index, text);
    return text;
  }

  /** The indexes of `names`; those that no string equals are left out. */
  find(names: Iterable<string>): Map<string, number> {
    const wanted = new Set(names);
    const lengths = new Set([...wanted].map((name) => name.length));
    const found = new Map<string, number>();
    for (let index = 0; index < this.#starts.length; index++) {
      const start = (this.#starts[index] as number) + 1;
      const end = this.#endOf(index);
      if (!lengths.has(end - start)) continue;
      const text = this.#bytes.toString('latin1', start, end);
      if (wanted.has(text)) found.set(text, index);
    }
    return found;
  }

  #decode(index: number): string {
    const start = this.#starts[index];
    if (start === undefined) return '';
    try {
      return JSON.parse(this.#bytes.toString('utf8', start, this.#endOf(index) + 1)) as string;
    } catch {
      return '';
    }
  }

  /** Where the closing quote of a string is. Between two strings there are a comma and maybe a line break. */
  #endOf(index: number): number {
    const next = this.#starts[index + 1] ?? this.#bytes.length;
    return this.#bytes.lastIndexOf(QUOTE, next - 1);
  }
}

function findStarts(bytes: Buffer): Uint32Array {
  let starts = new Uint32Array(1 << 14);
  let count = 0;
  let at = bytes.indexOf(QUOTE);
  while (at >= 0) {
    if (count === starts.length) starts = grow(starts);
    starts[count++] = at;
    at = bytes.indexOf(QUOTE, closing(bytes, at + 1) + 1);
  }
  return starts.subarray(0, count);
}

function closing(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

function grow(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(array.length * 2);
  grown.set(array);
  return grown;
}
