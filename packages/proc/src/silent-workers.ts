import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Worker } from 'node:worker_threads';
import type { Remover } from './environment';

/** Node tells of each worker thread that is begun. */
const CHANNEL = 'worker_threads';

/** Weakly: Node itself holds those that run. */
const begun = new Set<WeakRef<Worker>>();
let watches = 0;

/** Has {@link silentWorkers} know the worker threads that are begun from now on. */
export function watchWorkers(): Remover {
  watches += 1;
  if (watches === 1) subscribe(CHANNEL, note);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    watches -= 1;
    if (watches === 0) unsubscribe(CHANNEL, note);
  };
}

/**
 * The worker threads that keep the process alive though Node lists nothing of them: it lists the port of one to whose
 * messages somebody listens.
 */
export function silentWorkers(): Worker[] {
  return [...begun].flatMap((each) => {
    const worker = each.deref();
    return worker !== undefined && isSilent(worker) ? [worker] : [];
  });
}

function note(message: unknown): void {
  for (const each of begun) if (!isRunning(each.deref())) begun.delete(each);
  begun.add(new WeakRef((message as { readonly worker: Worker }).worker));
}

function isSilent(worker: Worker): boolean {
  return isRunning(worker) && worker.listenerCount('message') === 0 && hasRef(worker);
}

function isRunning(worker: Worker | undefined): boolean {
  return worker !== undefined && worker.threadId !== -1;
}

/** Not documented; where it is missing the worker has not been unref'd, as far as anybody knows. */
function hasRef(worker: Worker): boolean {
  const key = Object.getOwnPropertySymbols(worker).find(
    ({ description }) => description === 'kHandle',
  );
  if (key === undefined) return true;
  const handle = (worker as unknown as Record<symbol, { hasRef?(): boolean } | null>)[key];
  return handle?.hasRef?.() !== false;
}
