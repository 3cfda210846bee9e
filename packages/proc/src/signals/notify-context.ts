import { setMaxListeners } from 'node:events';
import type { Remover } from '../environment';
import { LastcallError } from '../lastcall-error';

/**
 * An AbortSignal that aborts on a signal of the process, as Go's `signal.NotifyContext`.
 *
 * Its reason is a LastcallError `LASTCALL_SIGNAL_RECEIVED` that names the signal ("SIGTERM signal received").
 */
export interface NotifyContext extends AbortSignal {
  /** The context itself, so that `const { signal, stop } = signals.notifyContext(…)` reads well. */
  readonly signal: AbortSignal;
  /** Stops relaying: the default disposition returns. Until then further signals are swallowed, as in Go. */
  readonly stop: Remover;
}

/** Makes a context that `relay` aborts and that `parent` aborts too. */
export function createNotifyContext(
  parent: AbortSignal | undefined,
  relay: (handler: (signal: NodeJS.Signals) => void) => Remover,
): NotifyContext {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  if (parent?.aborted) controller.abort(parent.reason);
  const remove = relay((signal) => controller.abort(signalReceived(signal)));
  const end = (reason: unknown): void => {
    remove();
    parent?.removeEventListener('abort', abortWithParent);
    controller.abort(reason);
  };
  const abortWithParent = (): void => end(parent?.reason);
  const stop = (): void => end(new LastcallError('LASTCALL_STOPPING', 'the context was stopped'));
  if (parent?.aborted) remove();
  else parent?.addEventListener('abort', abortWithParent, { once: true });
  return Object.assign(controller.signal, { signal: controller.signal, stop });
}

function signalReceived(signal: NodeJS.Signals): LastcallError {
  const error = new LastcallError('LASTCALL_SIGNAL_RECEIVED', `${signal} signal received`);
  return Object.assign(error, { signal });
}
