// A background worker: at the stop it takes no new job and finishes the one in hand, which the hammer would cut.
import { setTimeout as delay } from 'node:timers/promises';
import { proc } from '@lastcall/proc';

const cut = new AbortController();

async function doJob(id: number, signal: AbortSignal): Promise<void> {
  console.log(`job ${id} begins`);
  await delay(400, undefined, { signal });
  console.log(`job ${id} is done`);
}

async function work(): Promise<void> {
  for (let id = 1; !proc.done.aborted; id += 1) await doJob(id, cut.signal);
}

// Before the first job, so that a signal finds the listener.
proc.onShutdown(
  ({ signal }) => {
    const cutJob = (): void => cut.abort(signal.reason);
    // Behind a stage that took until the hammer the signal has aborted already, and 'abort' is not emitted again.
    if (signal.aborted) cutJob();
    else signal.addEventListener('abort', cutJob);
    return worker;
  },
  { name: 'worker', stage: 'work' },
);
const worker = work();
