import type { Environment } from './environment';
import type { Report } from './report';
import type { Settings } from './settings';
import { signalNumber } from './signals/signal-names';
import { isOk, type StopOutcome } from './stop-outcome';

/** How long what is written to stdout and stderr may take to leave the process, at most, in milliseconds. */
const FLUSH_LIMIT_MS = 1000;

/** The same for a stop that was forced: a pipe that nobody reads must not hold it up. */
const FORCED_FLUSH_LIMIT_MS = 100;

/** How a process ends that stopped like this. */
export function exitOf(
  outcome: StopOutcome,
  settings: Settings,
  environment: Environment,
): Report['exit'] {
  if (settings.exit === 'none') return { signal: null, code: null };
  if (outcome.fatal !== null) return { signal: null, code: 1 };
  // A worker thread must not kill its process, and on Windows a signal sent is an unconditional end with code 1.
  const canDieBySignal = environment.isMainThread && environment.platform !== 'win32';
  if (settings.exit === 'signal' && outcome.signal !== null && canDieBySignal) {
    return { signal: outcome.signal, code: null };
  }
  return { signal: null, code: isOk(outcome) ? 0 : 1 };
}

/** Ends the process as `report.exit` says, once what it wrote is out. */
export async function endProcess(environment: Environment, report: Report): Promise<void> {
  const { signal, code } = report.exit;
  // Whoever awaits the report gets a turn before the end.
  await environment.nextTurn();
  // What the hammer cut is closed at the end of that turn, and 'close' handlers of the app have something to say about it.
  if (report.hammerMs !== null) await environment.nextTurn();
  // Before the flush: what 'exit' handlers write to a full pipe would be lost with the process.
  if (signal !== null) environment.runExitHandlers(128 + signalNumber(signal));
  await environment.flush(report.forced === null ? FLUSH_LIMIT_MS : FORCED_FLUSH_LIMIT_MS);
  if (signal === null) environment.exit(code ?? 0);
  else selfKill(environment, signal);
}

/** Ends the process as `report.exit` says before it returns: what is on its way to a pipe may be lost. */
export function endProcessAtOnce(environment: Environment, { exit }: Report): void {
  if (exit.signal !== null) selfKill(environment, exit.signal);
  else if (exit.code !== null) {
    environment.runExitHandlers(exit.code);
    environment.exit(exit.code);
  }
}

/**
 * Re-raises `signal` with its default disposition, after 'exit' handlers have run.
 *
 * Where that cannot kill (somebody else's handler takes it; PID 1, whose default dispositions the kernel ignores),
 * the exit code says the same as a shell would: 128 + the signal's number.
 */
export function selfKill(environment: Environment, signal: NodeJS.Signals): void {
  const code = 128 + signalNumber(signal);
  environment.runExitHandlers(code);
  environment.releaseSignal(signal);
  if (environment.signalHandlerCount(signal) === 0) environment.raise(signal);
  environment.exit(code);
}
