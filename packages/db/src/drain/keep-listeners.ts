/** What has listeners that the application may take away. */
interface Emitter {
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  listeners(event: string): readonly unknown[];
}

/**
 * Listens to `emitter`, also after the application has taken all listeners away, ours among them: without them the books would
 * be wrong from then on, and an error would crash the process. Costs nothing as long as nobody takes one away.
 * @returns what takes them away
 */
export function keepListeners(
  emitter: Emitter,
  listeners: Readonly<Record<string, (...args: never[]) => void>>,
): () => void {
  let isOver = false;
  // Not within the removal, which may go on; but before anything of the next turn is heard.
  const listenSoon = (): void => process.nextTick(listen);
  const all = { ...listeners, removeListener: listenSoon };

  function listen(): void {
    if (isOver) return;
    for (const [event, listener] of Object.entries(all))
      if (!emitter.listeners(event).includes(listener)) emitter.on(event, listener);
  }

  listen();
  return () => {
    isOver = true;
    for (const [event, listener] of Object.entries(all)) emitter.off(event, listener);
  };
}
