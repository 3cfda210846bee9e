import { setFlagsFromString } from 'node:v8';

/** How long SIGKILL may take, in milliseconds, before we believe that it does not work. */
const KILL_MS = 200;

/**
 * Ends the process from a thread other than the main one, whatever that does.
 *
 * A signal with a handler only queues up for the blocked main thread, and exit() and abort() of a worker end nothing but
 * the worker: SIGKILL is what is left. The kernel ignores even that from PID 1 to itself, as in a container without an init;
 * a breakpoint trap it does not ignore (exit code 133).
 */
export function killProcess(): void {
  try {
    process.kill(process.pid, 'SIGKILL');
  } finally {
    setTimeout(trap, KILL_MS);
  }
}

function trap(): void {
  setFlagsFromString('--allow-natives-syntax');
  new Function('%SystemBreak()')();
}
