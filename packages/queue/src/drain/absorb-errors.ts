/** What has errors that crash the process where nobody listens. */
interface Emitter {
  on(event: string, listener: () => void): unknown;
  listeners(event: string): readonly unknown[];
}

const absorbing = new WeakSet<Emitter>();

/**
 * From now on an error of `emitter` crashes nobody, not even where the application takes all listeners away, as some do before
 * they close what they have. Called again, it does nothing.
 */
export function absorbErrors(emitter: Emitter): void {
  if (absorbing.has(emitter)) return;
  absorbing.add(emitter);
  const absorb = (): void => {};
  const hearSoon = (): void => process.nextTick(hear);
  function hear(): void {
    if (!emitter.listeners('error').includes(absorb)) emitter.on('error', absorb);
    if (!emitter.listeners('removeListener').includes(hearSoon))
      emitter.on('removeListener', hearSoon);
  }
  hear();
}
