import type { InnerClient, OpenRedis, WorkMethod } from './redis-client';
import { workMethodsOf } from './redis-client';

/** Begins work for a call with these arguments; returns what is told of its end. Throws when it is refused. */
export type BeginWork = (
  method: string,
  args: readonly unknown[],
) => ((error?: unknown) => void) | undefined;

/**
 * Makes every call that does work pass through `begin`: commands run on the object behind the one that the application
 * holds, so it is done there.
 * @returns what undoes it
 */
export function gateWork(client: OpenRedis, begin: BeginWork): () => void {
  const inner = client._self as InnerClient;
  const undo = workMethodsOf(client).map((name) => gateMethod(inner, name, begin));
  return () => {
    for (const step of undo) step();
  };
}

function gateMethod(inner: InnerClient, name: string, begin: BeginWork): () => void {
  const own = Object.getOwnPropertyDescriptor(inner, name);
  const original = inner[name] as WorkMethod;

  function gated(this: unknown, ...args: unknown[]): Promise<unknown> {
    let end: ReturnType<BeginWork>;
    try {
      end = begin(name, args);
    } catch (error) {
      return Promise.reject(error);
    }
    const work = original.apply(this, args);
    if (end === undefined) return work;
    const settled = end;
    work.then(() => settled(), settled);
    return work;
  }

  Object.defineProperty(inner, name, { value: gated, configurable: true, writable: true });
  return () => {
    if (inner[name] !== gated) return;
    Reflect.deleteProperty(inner, name);
    if (own !== undefined) Object.defineProperty(inner, name, own);
  };
}
