import type { CliEnvironment } from '../cli-environment';
import type { Printer } from '../printer';
import { formatDuration } from '../view/units';
import { processFacts } from './process-facts';

/** When it is said for the first time, in milliseconds; each time is twice the one before. */
const FIRST_MS = 5000;

/** Says now and then that a process is waited for. The function is to be called while it is. */
export function sayStillThere(
  environment: CliEnvironment,
  printer: Printer,
  pid: number,
  timeoutMs: number,
): () => void {
  const since = environment.now();
  let next = FIRST_MS;
  return () => {
    const waited = environment.now() - since;
    if (waited < next) return;
    printer.progress(
      `process ${pid} is still there after ${formatDuration(next)} of ${formatDuration(timeoutMs)} (--timeout)${whyNot(environment, pid)}`,
    );
    while (next <= waited) next *= 2;
  };
}

/** One that is stopped handles no signal. */
function whyNot(environment: CliEnvironment, pid: number): string {
  const isStopped = /^[Tt]\b/.test(processFacts(environment, pid)?.state ?? '');
  return isStopped ? `: it is suspended (kill -CONT ${pid} lets it go on)` : '';
}
