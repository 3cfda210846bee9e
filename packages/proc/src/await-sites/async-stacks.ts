import { setImmediate as turn } from 'node:timers/promises';
import type { CodePosition } from './await-sites';
import { toPath } from './code-positions';
import type { PauseClock } from './pause-clock';

/** The functions that wait for a promise, innermost first, each with the `await` at which it is. */
export type AsyncStack = readonly (CodePosition & { readonly column: number })[];

/** How many stacks are read before the process gets its turn: some 10 ms. */
const SLICE = 500;

/**
 * Reads who waits for each of `promises`, and where, from the stack trace that V8 would give an error.
 *
 * V8 keeps no positions for this: it follows the reactions of a promise, whenever an error is made, to tell where the
 * functions are that will see it. So an error is made in a function whose promise is followed by the promise asked for.
 * `then()` lets a class say what promise it returns (`Symbol.species`), so that one promise can follow another without
 * the least change to that. V8 stops where a promise has no reaction or several: then the stack is empty or short.
 */
export async function readAsyncStacks(
  promises: readonly Promise<unknown>[],
  { depth, clock }: { readonly depth: number; readonly clock: PauseClock },
): Promise<AsyncStack[]> {
  const stacks: AsyncStack[] = [];
  for (let at = 0; at < promises.length; at += SLICE) {
    if (at > 0) await turn();
    const slice = promises.slice(at, at + SLICE);
    const read = () => Promise.all(slice.map((promise) => readStack(promise, depth)));
    stacks.push(...(await clock.measure(read)));
  }
  return stacks;
}

function readStack(followed: Promise<unknown>, depth: number): Promise<AsyncStack> {
  return new Promise((resolve) => {
    const probe = takeStack(depth, resolve);
    Object.setPrototypeOf(probe, Followed.prototype);
    follower = followed;
    try {
      void probe.then(nothing, nothing);
    } finally {
      follower = undefined;
    }
  });
}

/** What the next `then()` of a {@link Followed} returns. */
let follower: Promise<unknown> | undefined;

function returnFollower(executor: (resolve: () => void, reject: () => void) => void): unknown {
  // The promise must never be settled by what it follows.
  executor(nothing, nothing);
  return follower;
}

class Followed<T> extends Promise<T> {
  static override get [Symbol.species](): PromiseConstructor {
    return returnFollower as unknown as PromiseConstructor;
  }
}

function nothing(): void {}

async function takeStack(depth: number, done: (stack: AsyncStack) => void): Promise<void> {
  // The stack goes on with the promise of this function only once it has been suspended.
  await null;
  done(callSites(depth).flatMap(toPosition));
}

/** The stack as V8 has it: whatever the program does to stack traces is put aside for the moment. */
function callSites(depth: number): readonly NodeJS.CallSite[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: unknown } = {};
  try {
    Error.prepareStackTrace = (_, sites) => sites;
    Error.stackTraceLimit = depth + OWN_FRAMES;
    Error.captureStackTrace(holder);
    return Array.isArray(holder.stack) ? holder.stack : [];
  } catch {
    // Frozen intrinsics: no positions, then.
    return [];
  } finally {
    restore('prepareStackTrace', prepareStackTrace);
    restore('stackTraceLimit', stackTraceLimit);
  }
}

const OWN_FRAMES = 2;

function restore(key: 'prepareStackTrace' | 'stackTraceLimit', value: unknown): void {
  if (value === undefined) Reflect.deleteProperty(Error, key);
  else Reflect.set(Error, key, value);
}

interface AsyncCallSite extends NodeJS.CallSite {
  isAsync(): boolean;
}

/** Nothing for the frames of this file, which are not async, and for `Promise.all()`, which has no line. */
function toPosition(site: NodeJS.CallSite): AsyncStack {
  const line = site.getLineNumber();
  const column = site.getColumnNumber();
  if (!(site as AsyncCallSite).isAsync() || line === null || column === null) return [];
  return [
    {
      functionName: site.getFunctionName() ?? '',
      file: toPath(site.getFileName() ?? site.getEvalOrigin() ?? ''),
      line,
      column,
    },
  ];
}
