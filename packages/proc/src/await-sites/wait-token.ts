/** Own key of every token: class names do not survive minifiers, the description of a symbol does. */
const mark = Symbol.for('@lastcall/proc.wait-token');

/** How a heap snapshot names the property with the {@link mark}. */
export const WAIT_TOKEN_EDGE = '<symbol @lastcall/proc.wait-token>';

/**
 * Says what a promise waits for, to whoever reads the heap: {@link findAwaitSites} gives `kind of name` and the age.
 *
 * Keep it next to the function that resolves the promise: in its closure, or in the same queue entry. It is never
 * read before someone asks for the await sites, and costs one small object per wait.
 *
 * @example
 * const token = new WaitToken('checkout', 'pool pg-main');
 * queue.push({ resolve, token });
 */
export class WaitToken {
  /** What is done: `checkout`, `lock`, `receive`. */
  readonly kind: string;
  /** On what: `pool pg-main`. A name that code gives, not a value: it is printed in dumps. */
  readonly name: string;
  /** When the wait began, as `performance.now()`. */
  readonly since: number;

  constructor(kind: string, name: string) {
    this.kind = kind;
    this.name = name;
    this.since = performance.now();
    (this as Record<symbol, unknown>)[mark] = true;
  }
}
