import type { EventEmitter } from 'node:events';
import type { Remover } from './environment';
import { onChannel } from './ipc-channel';

/** The part of `node:cluster` that a worker needs. */
interface ClusterModule {
  readonly isWorker: boolean;
  readonly worker?: ClusterWorker;
}

interface ClusterWorker extends EventEmitter {
  exitedAfterDisconnect?: boolean;
}

/** Workers whose primary has gone unasked: from then on `exitedAfterDisconnect` is true, because we say so. */
const deserted = new WeakSet<ClusterWorker>();

/** Our own listeners for errors, one per lifecycle: where there are no others, an error that is not ours is nobody's. */
const ours = new WeakSet<object>();

/** Calls `handler` in a cluster worker whose primary has gone; without a handler Node ends the worker at once. */
export function onPrimaryGone(handler: () => void): Remover {
  if (process.channel === undefined) return () => {};
  const cluster = require('node:cluster') as ClusterModule;
  const { isWorker, worker } = cluster;
  if (!isWorker || worker === undefined) return () => {};
  const onGone = (): void => {
    // True: the primary let go of this worker on purpose.
    if (worker.exitedAfterDisconnect && !deserted.has(worker)) return;
    // Else Node would end the worker at once, with whatever is in flight: its own listener comes after this one.
    worker.exitedAfterDisconnect = true;
    deserted.add(worker);
    handler();
  };
  // What is written to a primary that has died fails before its end is heard of: Node writes at every connection that it
  // has sent, and at the close of a server. The worker would crash.
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') onGone();
    else if (!deserted.has(worker) && worker.listeners('error').every((fn) => ours.has(fn)))
      throw error;
  };
  ours.add(onError);
  worker.on('error', onError);
  const forgetChannel = onChannel('disconnect', onGone);
  return () => {
    worker.off('error', onError);
    forgetChannel();
  };
}
