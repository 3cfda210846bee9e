import type { Environment } from './environment';
import type { LifecycleEvent } from './events';
import { formatEvent } from './format-event';
import { logFields } from './log-fields';
import type { Logger } from './settings';

/** Hands `event` to the logger in the form it takes. Returns what the logger returns, throws what it throws. */
export function renderEvent(
  logger: Logger,
  event: LifecycleEvent,
  environment: Environment,
): unknown {
  if (logger === false) return undefined;
  if (typeof logger === 'function') return logger(event);
  const line = formatEvent(event);
  if (line === undefined) return undefined;
  // Of several processes that write to one stream each says which it is: `lastcall run` sets it for its workers.
  const isOneOfMany = environment.env('LASTCALL_LOG_PID') === '1';
  const text = `lastcall${isOneOfMany ? `[${environment.pid}]` : ''}: ${line.text}`;
  if (logger === true) return environment.writeError(`${text}${line.details ?? ''}\n`);
  return logger[line.level](logFields(event), text);
}
