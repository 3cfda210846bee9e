import type { RestartEnvironment } from '@lastcall/restart/handover';
import { programOf } from '../doctor/command-line';
import { processFacts } from '../target/process-facts';

/**
 * What a process is sent in place of a signal that asks to end. Shells, and package managers, which run one, keep SIGINT, and
 * bash SIGQUIT too, from what they run: they wait for that, which a terminal would have told itself.
 */
export function signalFor(
  environment: RestartEnvironment,
  pid: number,
  command: readonly string[],
  signal: NodeJS.Signals,
): NodeJS.Signals {
  if (signal !== 'SIGINT' && signal !== 'SIGQUIT') return signal;
  return isLauncher(environment, pid, command) ? 'SIGTERM' : signal;
}

/** As of now: a shell may have become the service by `exec`. */
function isLauncher(
  environment: RestartEnvironment,
  pid: number,
  command: readonly string[],
): boolean {
  const args = processFacts(environment, pid)?.args ?? [];
  const { kind } = programOf(args.length === 0 ? command : args);
  return kind === 'shell' || kind === 'package manager';
}
