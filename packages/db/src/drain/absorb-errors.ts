/** What has errors that crash the process where nobody listens. */
interface Emitter {
  on(event: string, listener: (error: Error) => void): unknown;
  listeners(event: string): readonly unknown[];
}

const absorbing = new WeakSet<Emitter>();

/**
 * From now on an error of `emitter` crashes nobody, not even where the application takes all listeners away, as some do before
 * they close what they have. Called again, it does nothing.
 *
 * @param tell - Told of the first error that nobody else hears of.
 */
export function absorbErrors(emitter: Emitter, tell: (error: Error) => void = () => {}): void {
  if (absorbing.has(emitter)) return;
  absorbing.add(emitter);
  let hasTold = false;
  const absorb = (error: Error): void => {
    if (hasTold || emitter.listeners('error').length > 1) return;
    hasTold = true;
    tell(error);
  };
  const hearSoon = (): void => process.nextTick(hear);
  function hear(): void {
    if (!emitter.listeners('error').includes(absorb)) emitter.on('error', absorb);
    if (!emitter.listeners('removeListener').includes(hearSoon))
      emitter.on('removeListener', hearSoon);
  }
  hear();
}
