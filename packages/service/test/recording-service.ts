import type { Service, StartContext, StopContext } from '../src';

/** What happened, in order. */
export type Log = string[];

/** A promise with its strings. */
export interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export function defer(): Deferred {
  let resolve: () => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** A service that is up at once, and writes down what happens to it. */
export function upAtOnce(
  name: string,
  log: Log,
  stop?: (context: StopContext) => unknown,
): Service {
  return {
    name,
    start: () => void log.push(`${name} starts`),
    stop: async (context) => {
      log.push(`${name} stops`);
      await stop?.(context);
      log.push(`${name} stopped`);
    },
  };
}

/** A service as go-zero's: its start runs until its stop. */
export function blocking(name: string, log: Log): Service {
  const quit = defer();
  return {
    name,
    start: async ({ ready }: StartContext) => {
      log.push(`${name} starts`);
      ready();
      await quit.promise;
      log.push(`${name} returns`);
    },
    stop: () => {
      log.push(`${name} stops`);
      quit.resolve();
    },
  };
}

export const never = (): Promise<never> => new Promise(() => {});
