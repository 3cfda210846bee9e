/** A stack trace whose text is made only when somebody reads it, as an Error's is. */
export interface AcquireSite {
  readonly stack?: string | undefined;
}

/** Frames of Node, of packages and of the engine (`new Promise`): the application's own is wanted. */
const FOREIGN = /\(?node:|[\\/]node_modules[\\/]|<anonymous>\)?$/;

/** Those of Node and of the engine alone. */
const INNER = /\(?node:|<anonymous>\)?$/;

/** More than V8's default of 10: between the application and the pool there may be an ORM. */
const MOST_FRAMES = 25;

/** Notes where it is called; `below` and what it calls are left out. */
export function captureAcquireSite(below: (...args: never[]) => unknown): AcquireSite {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = MOST_FRAMES;
  const site = new Error('acquired');
  Error.captureStackTrace(site, below);
  Error.stackTraceLimit = limit;
  return site;
}

/**
 * `file:line:column` of the innermost frame that is the application's own. Where none is, as queries that begin when they are
 * awaited have none: of the outermost one, of whoever asked last.
 */
export function formatAcquireSite(site: AcquireSite | undefined): string | undefined {
  const frames = site?.stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? [];
  const own = frames.find((line) => !FOREIGN.test(line));
  const frame = own ?? frames.findLast((line) => !INNER.test(line)) ?? frames[0];
  return frame?.replace(/^ {4}at (?:async )?/, '').replace(/^.*\((.*)\)$/, '$1');
}
