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
  const [code, cause, errors] = ['code', 'cause', 'errors'].map((key) => read(error, key));
  const isDeep = depth >= MAX_DEPTH;
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(cause instanceof Error && !isDeep ? { cause: errorReport(cause, depth + 1) } : {}),
    ...(Array.isArray(errors) && !isDeep
      ? { errors: errors.filter(isError).map((inner) => errorReport(inner, depth + 1)) }
      : {}),
  };
}

/** A property that may be a getter that throws. */
function read(error: Error, key: string): unknown {
  try {
    return Reflect.get(error, key);
  } catch {
    return undefined;
  }
}

/** `error` in one line: its message and code, what it collects, and what caused it. */
export function errorLine(error: Error): string {
  return lineOf(errorReport(error));
}

/** The lines of the stack that say where `error` comes from, its first cause in fact, indented. */
export function errorOrigin(error: Error, depth = 0): string {
  if (error.cause instanceof Error && depth < MAX_DEPTH) return errorOrigin(error.cause, depth + 1);
  const frames = (error.stack ?? '').split('\n').filter(isFrameOfInterest);
  return frames
    .slice(0, 4)
    .map((line) => `\n      ${line.trim()}`)
    .join('');
}

/** Neither Node's frames nor ours tell where an error comes from. */
function isFrameOfInterest(line: string): boolean {
  if (!/^\s+at /.test(line) || line.includes('node:')) return false;
  return PACKAGE_FOLDER === undefined || !line.includes(PACKAGE_FOLDER);
}

function lineOf({ name, message, code, cause, errors = [] }: ErrorReport): string {
  const text = oneLine(message) || name;
  const inner = errors.length === 0 ? '' : ` [${errors.map(lineOf).join('; ')}]`;
  const suffix = code === undefined || text.includes(code) ? '' : ` (${code})`;
  const isNews = cause !== undefined && !text.includes(oneLine(cause.message) || cause.name);
  return `${text}${suffix}${inner}${isNews ? `; caused by: ${lineOf(cause)}` : ''}`;
}

/** `text` without what would break a line of log. */
export function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, ' ');
}

function isError(value: unknown): value is Error {
  return value instanceof Error;
}
