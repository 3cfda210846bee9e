// Whether what was read, from a file or from another process, has what is taken for granted. Whoever wrote it, numbers and words go as
// they are into a page or onto a terminal; texts are made harmless where they are shown.

/** Whether a value is of a kind. */
export type Shape = (value: unknown) => boolean;

const WORD = /^[A-Za-z0-9 -]{1,40}$/;

export const isAny: Shape = () => true;
export const isText: Shape = (value) => typeof value === 'string';
export const isFlag: Shape = (value) => typeof value === 'boolean';
export const isNumber: Shape = (value) => Number.isFinite(value);
export const isCount: Shape = (value) => Number.isFinite(value) && (value as number) >= 0;
/** A name of ours, such as a state or a phase. */
export const isWord: Shape = (value) => typeof value === 'string' && WORD.test(value);

export function oneOf(...words: readonly string[]): Shape {
  return (value) => words.includes(value as string);
}

export function orNull(shape: Shape): Shape {
  return (value) => value === null || shape(value);
}

export function optional(shape: Shape): Shape {
  return (value) => value === undefined || shape(value);
}

export function listOf(shape: Shape): Shape {
  return (value) => Array.isArray(value) && value.every(shape);
}

/** An object whose every value is of a kind, whatever the keys. */
export function recordOf(shape: Shape): Shape {
  return (value) => isObject(value) && Object.values(value).every(shape);
}

/** An object with at least these fields. */
export function objectWith(fields: Readonly<Record<string, Shape>>): Shape {
  const entries = Object.entries(fields);
  return (value) => isObject(value) && entries.every(([name, shape]) => shape(value[name]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
