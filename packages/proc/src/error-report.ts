import { PACKAGE_FOLDER } from './package-folder';

/** An error as the report shows it: plain data, with what caused it. */
export interface ErrorReport {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  /** What caused it. */
  readonly cause?: ErrorReport;
  /** The errors that an AggregateError collects. */
  readonly errors?: readonly ErrorReport[];
}

/** Causes of causes end here: a chain may be long, or a circle. */
const MAX_DEPTH = 4;

/** `error` as plain data. */
export function errorReport(error: Error, depth = 0): ErrorReport {
  const [code, stack] = [read(error, 'code'), stackOf(error)];
  const isDeep = depth >= MAX_DEPTH;
  const [cause, errors] = isDeep ? [] : [causeOf(error), errorsOf(error)];
  return {
    name: textOf(read(error, 'name')),
    message: textOf(read(error, 'message')),
    ...(typeof code === 'string' ? { code } : {}),
    ...(stack === undefined ? {} : { stack }),
    ...(cause === undefined ? {} : { cause: errorReport(cause, depth + 1) }),
    ...(errors === undefined ? {} : { errors: errors.map((each) => errorReport(each, depth + 1)) }),
  };
}

// What is thrown may be anything: a property may be a getter that throws, or hold a proxy that does so at any look, and
// where Error.prepareStackTrace is set a stack need not be a text. The end of the process must not fail for it.

function read(error: Error, key: string): unknown {
  return guarded(() => Reflect.get(error, key));
}

function guarded<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (guarded(() => String(value)) ?? '');
}

function stackOf(error: Error): string | undefined {
  const stack = read(error, 'stack');
  return typeof stack === 'string' ? stack : undefined;
}

function causeOf(error: Error): Error | undefined {
  return errorIn(read(error, 'cause'));
}

function errorsOf(error: Error): readonly Error[] | undefined {
  const errors = read(error, 'errors');
  return guarded(() =>
    Array.isArray(errors) ? [...errors].flatMap((each) => errorIn(each) ?? []) : undefined,
  );
}

function errorIn(value: unknown): Error | undefined {
  return guarded(() => (value instanceof Error ? value : undefined));
}

/** `error` in one line: its message and code, what it collects, and what caused it. */
export function errorLine(error: Error): string {
  return lineOf(errorReport(error));
}

/** The lines of the stack that say where `error` comes from, its first cause in fact, indented. */
export function errorOrigin(error: Error, depth = 0): string {
  const cause = causeOf(error);
  if (cause !== undefined && depth < MAX_DEPTH) return errorOrigin(cause, depth + 1);
  return frameLines(stackOf(error), 4);
}

/** The same of an error that ends the process, whose stack nobody sees elsewhere: all of it, with that of each cause. */
export function errorStacks(error: Error, depth = 0): string {
  const frames = frameLines(stackOf(error));
  const cause = causeOf(error);
  if (cause === undefined || depth === MAX_DEPTH) return frames;
  return `${frames}\n    caused by: ${lineOf(errorReport(cause, MAX_DEPTH))}${errorStacks(cause, depth + 1)}`;
}

/** Beyond Node's ten: a program may have raised that limit without end. */
const MOST_FRAMES = 20;

/** The lines of `stack` that tell where it comes from, the first of them, indented. */
export function frameLines(stack: string | undefined, most: number = MOST_FRAMES): string {
  const frames = (stack ?? '').split('\n').filter(isFrameOfInterest);
  return frames
    .slice(0, most)
    .map((line) => `\n      ${line.trim()}`)
    .join('');
}

/** The other packages of lastcall, as they are installed. */
const OURS = /[\\/]node_modules[\\/]@lastcall[\\/]/;

/** Neither Node's frames nor ours tell where an error comes from. */
function isFrameOfInterest(line: string): boolean {
  if (!/^\s+at /.test(line) || line.includes('node:') || OURS.test(line)) return false;
  return PACKAGE_FOLDER === undefined || !line.includes(PACKAGE_FOLDER);
}

function lineOf({ name, message, code, cause, errors = [] }: ErrorReport): string {
  const text = titleOf(name, oneLine(message), code);
  const inner = errors.length === 0 ? '' : ` [${errors.map(lineOf).join('; ')}]`;
  const suffix = code === undefined || text.includes(code) ? '' : ` (${code})`;
  const isNews = cause !== undefined && !text.includes(oneLine(cause.message) || cause.name);
  return `${text}${suffix}${inner}${isNews ? `; caused by: ${lineOf(cause)}` : ''}`;
}

/** `TypeError: x is not a function`. What has a code needs no other name. */
function titleOf(name: string, message: string, code: string | undefined): string {
  if (message === '') return name;
  return code === undefined && name !== 'Error' ? `${name}: ${message}` : message;
}

/** `text` without what would break a line of log. */
export function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, ' ');
}
