import type { Ledger } from './ledger';

/** An application's own calls of what closes a consumer. */
export interface JoinedClose {
  /** The drain is over: who has waited for it goes on. */
  release(): void;
  restore(): void;
}

/**
 * Makes an application's own calls of what closes `consumer` begin the drain, once the process's stop has begun, and wait for it:
 * they would close under handlers, or wait for one that does not end.
 *
 * @param names - The methods that close it.
 */
export function joinClose<C extends object>(
  consumer: C,
  names: readonly (keyof C & string)[],
  ledger: Pick<Ledger<never>, 'closes'>,
): JoinedClose {
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });

  function join(name: keyof C & string): () => void {
    const own = Object.getOwnPropertyDescriptor(consumer, name);
    const original = consumer[name] as (...args: unknown[]) => unknown;
    const joined = (...args: unknown[]): unknown =>
      ledger.closes() ? released : original.apply(consumer, args);
    consumer[name] = joined as C[typeof name];
    return () => {
      if (consumer[name] !== joined) return;
      Reflect.deleteProperty(consumer, name);
      if (own !== undefined) Object.defineProperty(consumer, name, own);
    };
  }

  const undo = names.map(join);
  return {
    release: () => release(),
    restore() {
      for (const step of undo) step();
    },
  };
}
