/** What Node keeps of a listener of a MessagePort. */
interface PortListener {
  readonly next?: { readonly listener?: unknown };
}

/**
 * Whether a MessagePort is the one by which a `Worker` hears its thread: Node's list of handles has that instead of the worker.
 * Its listeners pass everything on to the worker, `messageerror` too.
 */
export function isPortOfWorker(port: object): boolean {
  const key = Object.getOwnPropertySymbols(port).find(
    ({ description }) => description === 'kEvents',
  );
  if (key === undefined) return false;
  const events = (port as Record<symbol, ReadonlyMap<string, PortListener> | undefined>)[key];
  const listener = events?.get('messageerror')?.next?.listener;
  return typeof listener === 'function' && String(listener).includes('this.emit(event, message)');
}
