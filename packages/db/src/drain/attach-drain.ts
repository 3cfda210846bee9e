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
import { noteLosses, type PoolDrain, type PoolGauges } from './pool-drain';
import { poolGauges } from './pool-gauges';

/** Options of every `attach<Driver>()`. */
export interface AttachOptions extends DrainOptions {
  /** What events, the report, metrics and messages call the pool. Default: the driver's name; used twice, `pg#2`. */
  readonly name?: string | undefined;
  /** The stage of the shutdown in which it drains; until then it is open. Default `resources`. */
  readonly stage?: Stage | undefined;
  /** The lifecycle to attach to. Default `proc`, that of the process. */
  readonly lifecycle?: Lifecycle | undefined;
}

/** A pool that is attached to a lifecycle. */
export interface DbHandle {
  /** What events and the report call it. */
  readonly name: string;
  /** How the pool does. */
  gauges(): PoolGauges;
  /** Undoes the attachment: the stop no longer drains the pool. Does nothing once the stop has begun. */
  detach(): void;
  [Symbol.dispose](): void;
}

/** Makes the drain, given the options that are not about the lifecycle and whom to tell of leaks and lost connections. */
export type CreateDrain = (
  options: DrainOptions,
  onWarning: (error: LastcallError) => void,
) => PoolDrain;

/**
 * Registers a drain with a lifecycle: what every `attach<Driver>()` does.
 * @param call - What the application called, for messages: `attachPg()`.
 * @param driver - The driver's name, and the default name of the pool.
 * @param optionNames - The options that the driver has, besides `stage` and `lifecycle`.
 * @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_UNKNOWN_STAGE`, and what `create` throws
 */
export function attachDrain(
  call: string,
  driver: string,
  options: AttachOptions,
  create: CreateDrain,
  optionNames: readonly string[] = DRAIN_OPTION_NAMES,
): DbHandle {
  assertOptionsObject(call, options, ['stage', 'lifecycle', ...optionNames]);
  const { stage = 'resources', lifecycle = proc, ...rest } = options;
  assertLifecycle(call, lifecycle);
  let drain!: PoolDrain;
  async function stop({ signal }: { readonly signal: AbortSignal }): Promise<unknown> {
    const { drained, cut, errors } = await drain.stop({ signal });
    for (const error of errors) lifecycle.warn(closeFailed(registration.name, error));
    return { drained, cut };
  }
  // First, also for what the pool is called: a name may be taken. It is never called before the next turn.
  const { name: asked = driver } = rest;
  const registration = lifecycle.onShutdown(stop, { name: asked, stage, leaf: true });
  try {
    const { name } = registration;
    drain = create({ ...rest, name }, (error) => lifecycle.warn(error));
  } catch (error) {
    registration.remove();
    throw error;
  }
  return toHandle(drain, registration, lifecycle);
}

function toHandle(drain: PoolDrain, registration: Registration, lifecycle: Lifecycle): DbHandle {
  const { name } = registration;
  const removeSource = lifecycle.activities.addSource((limit) => drain.inFlight(name, limit));
  const removeGauges = lifecycle.gauges.addSource(() => poolGauges(name, drain.gauges()));
  const onStop = (): void => noteLosses(drain);
  lifecycle.done.addEventListener('abort', onStop, { once: true });
  if (lifecycle.done.aborted) onStop();
  let isAttached = true;
  const detach = (): void => {
    if (!isAttached || lifecycle.state !== 'running') return;
    isAttached = false;
    lifecycle.done.removeEventListener('abort', onStop);
    removeSource();
    removeGauges();
    registration.remove();
    drain.detach();
  };
  return Object.freeze({ name, gauges: () => drain.gauges(), detach, [Symbol.dispose]: detach });
}

function closeFailed(pool: string, error: Error): LastcallError {
  if (error instanceof LastcallError) return error;
  return new LastcallError(
    'LASTCALL_DB_CLOSE_FAILED',
    `closing the pool '${pool}' failed: ${error.message}; its sockets were destroyed`,
    { cause: error },
  );
}
