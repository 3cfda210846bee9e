import type { Environment } from './environment';
import type { LifecycleEvent } from './events';
import { formatEvent } from './format-event';
import type { Logger } from './settings';

/** Hands `event` to the logger in the form it takes. Throws what the logger throws. */
export function renderEvent(logger: Logger, event: LifecycleEvent, environment: Environment): void {
  if (logger === false) return;
  if (typeof logger === 'function') {
    logger(event);
    return;
  }
  const line = formatEvent(event);
  if (line === undefined) return;
  const text = `lastcall: ${line.text}`;
  if (logger === true) environment.writeError(`${text}${line.details ?? ''}\n`);
  else logger[line.level](fieldsOf(event), text);
}

/** The event under its own key, with its error where pino and its like look for one. */
function fieldsOf(event: LifecycleEvent): object {
  const { error, ...fields } = event as LifecycleEvent & { error?: Error };
  return { lastcall: fields, ...(error === undefined ? {} : { err: error }) };
}
