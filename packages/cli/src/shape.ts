// Whether what was read, from a file or from another process, has what is taken for granted. Whoever wrote it, numbers and words go as
// they are into a page or onto a terminal; texts are made harmless where they are shown.

/** What does not fit. */
export interface Misfit {
  /** Where: `listeners[2].outcome`; empty for the value as a whole. */
  readonly path: string;
  /** What should be there: `a text or null`. */
  readonly expected: string;
  readonly value: unknown;
}

/** Says what does not fit in a value; null when all does. */
export type Shape = (value: unknown) => Misfit | null;

const WORD = /^[A-Za-z0-9 -]{1,40}$/;

/** Sums of larger ones are no numbers any more. */
const LARGEST = Number.MAX_SAFE_INTEGER;

export const anyShape: Shape = () => null;
export const textShape: Shape = shapeOf('a text', (value) => typeof value === 'string');
export const flagShape: Shape = shapeOf('true or false', (value) => typeof value === 'boolean');
export const numberShape: Shape = shapeOf('a number', isNumber);
export const countShape: Shape = shapeOf(
  'a number from 0 on',
  (value) => isNumber(value) && value >= 0,
);
/** A name of ours, such as a state or a phase. */
export const wordShape: Shape = shapeOf(
  'a word',
  (value) => typeof value === 'string' && WORD.test(value),
);
export const timeShape: Shape = shapeOf(
  'a time (ISO 8601)',
  (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
);

export function shapeOf(expected: string, fits: (value: unknown) => boolean): Shape {
  return (value) => (fits(value) ? null : { path: '', expected, value });
}

export function oneOf(...words: readonly string[]): Shape {
  return shapeOf(words.join(' or '), (value) => words.includes(value as string));
}

export function orNull(shape: Shape): Shape {
  return (value) => {
    const misfit = value === null ? null : shape(value);
    return misfit?.path === '' ? { ...misfit, expected: `${misfit.expected} or null` } : misfit;
  };
}

export function optional(shape: Shape): Shape {
  return (value) => (value === undefined ? null : shape(value));
}

export function allOf(...shapes: readonly Shape[]): Shape {
  return (value) => firstOf(shapes, (shape) => shape(value));
}

/** What is wrong with it as the last of them is said of one that is none of them. */
export function oneShapeOf(...shapes: readonly Shape[]): Shape {
  return (value) => {
    let misfit: Misfit | null = null;
    for (const shape of shapes) {
      misfit = shape(value);
      if (misfit === null) return null;
    }
    return misfit;
  };
}

export function listOf(shape: Shape): Shape {
  const list = shapeOf('a list', Array.isArray);
  return (value) =>
    list(value) ??
    firstOf((value as readonly unknown[]).entries(), ([index, one]) =>
      at(`[${index}]`, shape(one)),
    );
}

/** An object whose every value is of a kind, whatever the keys. */
export function recordOf(shape: Shape): Shape {
  return (value) =>
    objectShape(value) ??
    firstOf(Object.entries(value as object), ([name, one]) => at(`.${name}`, shape(one)));
}

/** An object with at least these fields. */
export function objectWith(fields: Readonly<Record<string, Shape>>): Shape {
  const entries = Object.entries(fields);
  return (value) =>
    objectShape(value) ??
    firstOf(entries, ([name, shape]) =>
      at(`.${name}`, shape((value as Readonly<Record<string, unknown>>)[name])),
    );
}

/** Whether all of it fits. */
export function fits(shape: Shape, value: unknown): boolean {
  return shape(value) === null;
}

/** `listeners[2].outcome must be ok or late, and is a number`. */
export function describeMisfit({ path, expected, value }: Misfit): string {
  const where = path === '' ? 'it' : path.replace(/^\./, '');
  const what = value === undefined ? 'is missing' : `is ${kindOf(value)}`;
  return `${where} must be ${expected}, and ${what}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return 'a text that is none';
  return typeof value === 'number' ? 'a number that cannot be' : String(value);
}

const objectShape = shapeOf(
  'an object',
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= LARGEST;
}

function at(step: string, misfit: Misfit | null): Misfit | null {
  return misfit === null ? null : { ...misfit, path: `${step}${misfit.path}` };
}

function firstOf<T>(all: Iterable<T>, find: (one: T) => Misfit | null): Misfit | null {
  for (const one of all) {
    const misfit = find(one);
    if (misfit !== null) return misfit;
  }
  return null;
}
