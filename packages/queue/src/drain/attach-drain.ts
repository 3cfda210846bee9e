import {
  assertLifecycle,
  assertOptionsObject,
  LastcallError,
  type Lifecycle,
  proc,
  type Registration,
  type Stage,
} from '@lastcall/proc';
import { DRAIN_OPTION_NAMES, type DrainOptions } from './drain-options';
import { prepareDrain, type QueueDrain, type QueueGauges } from './queue-drain';

/** Options of every `attach<Driver>()`. */
export interface AttachOptions extends DrainOptions {
  /** What events, the report, metrics and messages call the consumer. Default: the driver's name; used twice, `bullmq#2`. */
  readonly name?: string | undefined;
  /** The stage of the shutdown in which it drains; until then it consumes. Default `intake`. */
  readonly stage?: Stage | undefined;
  /** The lifecycle to attach to. Default `proc`, that of the process. */
  readonly lifecycle?: Lifecycle | undefined;
}

/** A consumer that is attached to a lifecycle. */
export interface QueueHandle {
  /** What events and the report call it. */
  readonly name: string;
  /** Aborts at the hammer: a handler that watches it can give up in time, and leave its message to be handed back. */
  readonly cutSignal: AbortSignal;
  /** How the consumer does. */
  gauges(): QueueGauges;
  /** Undoes the attachment: the stop no longer drains the consumer. Does nothing once the stop has begun. */
  detach(): void;
  [Symbol.dispose](): void;
}

/**
 * Registers a drain with a lifecycle: what every `attach<Driver>()` does.
 * @param call - What the application called, for messages: `attachBullmq()`.
 * @param driver - The driver's name, and the default name of the consumer.
 * @param create - Makes the drain, given the options that are not about the lifecycle.
 * @param moreOptions - Names of options that this driver alone has.
 * @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_UNKNOWN_STAGE`, and what `create` throws
 */
export function attachDrain<O extends AttachOptions>(
  call: string,
  driver: string,
  options: O,
  create: (options: Omit<O, 'stage' | 'lifecycle'>) => QueueDrain,
  moreOptions: readonly string[] = [],
): QueueHandle {
  const known = ['stage', 'lifecycle', ...DRAIN_OPTION_NAMES, ...moreOptions];
  assertOptionsObject(call, options, known);
  const { stage = 'intake', lifecycle = proc, ...rest } = options;
  assertLifecycle(call, lifecycle);
  let drain!: QueueDrain;
  async function stop({ signal }: { readonly signal: AbortSignal }): Promise<unknown> {
    const { drained, cut, errors } = await drain.stop({ signal });
    for (const error of errors) lifecycle.warn(closeFailed(registration.name, error));
    return { drained, cut };
  }
  // First, also for what the consumer is called: a name may be taken. It is never called before the next turn.
  const { name: asked = driver } = rest;
  const registration = lifecycle.onShutdown(stop, { name: asked, stage, leaf: true });
  try {
    drain = create({ ...rest, name: registration.name });
  } catch (error) {
    registration.remove();
    throw error;
  }
  return toHandle(drain, registration, lifecycle);
}

function toHandle(
  drain: QueueDrain,
  registration: Registration,
  lifecycle: Lifecycle,
): QueueHandle {
  const { name } = registration;
  const removeSource = lifecycle.activities.addSource((limit) => drain.inFlight(name, limit));
  const onStop = (): void => prepareDrain(drain);
  lifecycle.done.addEventListener('abort', onStop, { once: true });
  if (lifecycle.done.aborted) onStop();
  let isAttached = true;
  const detach = (): void => {
    if (!isAttached || lifecycle.state !== 'running') return;
    isAttached = false;
    lifecycle.done.removeEventListener('abort', onStop);
    removeSource();
    registration.remove();
    drain.detach();
  };
  return Object.freeze({
    name,
    cutSignal: drain.cutSignal,
    gauges: () => drain.gauges(),
    detach,
    [Symbol.dispose]: detach,
  });
}

function closeFailed(consumer: string, error: Error): LastcallError {
  if (error instanceof LastcallError) return error;
  return new LastcallError(
    'LASTCALL_QUEUE_CLOSE_FAILED',
    `closing the consumer '${consumer}' failed: ${error.message}; its sockets were destroyed`,
    { cause: error },
  );
}
