import type { Environment } from './environment';
import { LastcallError } from './lastcall-error';
import type { Registry } from './registry';
import type { Settings } from './settings';

/**
 * How long the wrap-up phase holds: not at all where nothing listens, as nobody needs time to notice then, nor for a person
 * who pressed Ctrl-C.
 */
export function holdTimeMs(
  { wrapUpTimeMs }: Settings,
  signal: NodeJS.Signals | null,
  environment: Environment,
): number {
  if (signal === 'SIGINT' && environment.isTerminal()) return 0;
  return environment.isListening() ? wrapUpTimeMs : 0;
}

/** Forgetting to attach the server is the easiest mistake to make, and without a word the end looks fine. */
export function warnIfNotDrained(
  environment: Environment,
  shutdowns: Registry,
  warn: (error: LastcallError) => void,
): void {
  if (shutdowns.names(['intake', 'work']).length > 0 || !environment.isListening()) return;
  const message =
    'a socket of this process listens, but no listener is registered in the stages intake or work: ' +
    'its requests in flight will be lost; attach the server (attachHttp) or register what drains it';
  warn(new LastcallError('LASTCALL_NOT_DRAINED', message));
}
