import type { DevserverOptions } from '@lastcall/devserver';
import {
  assertLifecycle,
  assertOptionsObject,
  describe,
  LastcallError,
  type Lifecycle,
  type Logger,
  type Probe,
  proc,
  type Report,
  type SetupOptions,
} from '@lastcall/proc';
import type { Service } from './service';
import { ServiceGroup } from './service-group';
import { assertName } from './service-group-options';

/** Options of {@link bootstrap}. */
export interface BootstrapOptions {
  /** What the microservice is called: in the report, and as a health probe. */
  readonly name: string;
  /** What it consists of; started in this order, stopped in reverse. Default: none. */
  readonly services?: readonly Service[] | undefined;
  /** Settings of the lifecycle, as for `proc.setup()`. */
  readonly proc?: SetupOptions | undefined;
  /** Renders events, as `proc.setup({ logger })`; wins over `proc.logger`. */
  readonly logger?: Logger | undefined;
  /**
   * Serves health checks, metrics, profiles, dumps and a dashboard on a loopback port (`@lastcall/devserver`): true, or
   * its options. A devserver that cannot start (its port is taken) is a warning, and the microservice runs. Default false.
   */
  readonly devserver?: boolean | Omit<DevserverOptions, 'lifecycle'> | undefined;
  /** The lifecycle to run in. Default: the one of this process. */
  readonly lifecycle?: Lifecycle | undefined;
}

/** A microservice that runs. */
export interface App {
  readonly name: string;
  readonly group: ServiceGroup;
  readonly lifecycle: Lifecycle;
  /** Resolves with the address of the devserver, or null where there is none. */
  readonly devserver: Promise<string | null>;
  /**
   * Resolves when every service is up, which is when the health probe turns ready. When a service fails before that, it
   * rejects, once the others have stopped: an `await` at the top level of a program ends that with an error, and must not do so in the
   * middle of the stop. When the stop has another reason the process ends by it, and `ready` rejects only with `exit: 'none'`.
   */
  readonly ready: Promise<void>;
  /** Resolves with the report of the stop, just before the process ends. */
  readonly stopped: Promise<Report>;
  /** Stops the process, as a signal does. */
  stop(reason?: string): Promise<Report>;
}

const OPTIONS = ['name', 'services', 'proc', 'logger', 'devserver', 'lifecycle'] as const;

/**
 * Runs a microservice; the one call that its main() makes. Installs the signal handlers, so that a signal during the
 * start stops what has started, applies the settings, adds a health probe, and starts the services.
 *
 * The probe is ready when every service is up: its start has returned (or resolved), or has called `ready()`. So a start
 * that runs until its stop has to call `ready()`, or the microservice never is.
 *
 * A service that fails, at its start or later, stops the process, with exit code 1.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_BAD_PROBE` when the name is taken, and as `proc.setup()`;
 * nothing has changed or started then
 *
 * @example
 * bootstrap({ name: 'orders', services: [consumer, server], proc: { wrapUpTimeMs: 2000 } });
 */
export function bootstrap(options: BootstrapOptions): App {
  assertOptions(options);
  const { name, services = [], lifecycle = proc } = options;
  const group = new ServiceGroup({ name, lifecycle, onFailure: 'shutdown' });
  for (const service of services) group.add(service);
  const probe = lifecycle.health.addProbe(name);
  setUp(lifecycle, options, probe);
  const stopped = whenStopped(lifecycle);
  const devserver = startDevserver(options, lifecycle);
  // A failure is told by `ready` and by the report.
  group.start().catch(() => {});
  group.ready.then(probe.markReady, () => {});
  return {
    name,
    group,
    lifecycle,
    devserver,
    ready: whenReady(group, lifecycle, stopped),
    stopped,
    stop: (reason = 'stop') => lifecycle.shutdown(reason),
  };
}

function setUp(lifecycle: Lifecycle, options: BootstrapOptions, probe: Probe): void {
  const { logger } = options;
  try {
    lifecycle.setup({
      name: options.name,
      ...options.proc,
      ...(logger === undefined ? {} : { logger }),
    });
    lifecycle.install();
  } catch (error) {
    probe.remove();
    throw error;
  }
}

/** Before the services start, so that a start that hangs can be looked into. Never rejects. */
async function startDevserver(
  { devserver = false }: BootstrapOptions,
  lifecycle: Lifecycle,
): Promise<string | null> {
  if (devserver === false) return null;
  try {
    const options = { ...(devserver === true ? {} : devserver), lifecycle };
    const { address } = await devserverPackage().startDevserver(options);
    return address;
  } catch (error) {
    // Its own errors it has told as a warning.
    if (error instanceof LastcallError) return null;
    // Once bootstrap() has returned: only then can somebody listen.
    await null;
    lifecycle.warn(notLoaded(error as Error));
    return null;
  }
}

/** As in a bundle without it, or an image from which it was pruned. */
function notLoaded(cause: Error): LastcallError {
  const [reason] = cause.message.split('\n', 1);
  const message = `the devserver cannot be loaded: ${reason}; the microservice runs without one. Install @lastcall/devserver, and keep it out of a bundle, or do without 'devserver'`;
  return new LastcallError('LASTCALL_DEVSERVER_NOT_STARTED', message, { cause });
}

function whenReady(
  group: ServiceGroup,
  lifecycle: Lifecycle,
  stopped: Promise<Report>,
): Promise<void> {
  const ready = group.ready.catch(async (error: LastcallError) => {
    await stopped;
    const endsByItself = lifecycle.settings.exit !== 'none' && error.code === 'LASTCALL_STOPPING';
    if (endsByItself) await NEVER;
    throw error;
  });
  // Nobody has to ask whether it is ready.
  ready.catch(() => {});
  return ready;
}

/** The process ends now. */
const NEVER = new Promise<never>(() => {});

function whenStopped(lifecycle: Lifecycle): Promise<Report> {
  if (lifecycle.state !== 'running') return lifecycle.shutdown();
  return new Promise((resolve) => {
    lifecycle.done.addEventListener('abort', () => resolve(lifecycle.shutdown()), { once: true });
  });
}

function assertOptions(options: BootstrapOptions): void {
  assertOptionsObject('bootstrap()', options, OPTIONS);
  assertName('bootstrap()', options.name);
  if (options.lifecycle !== undefined) assertLifecycle('bootstrap()', options.lifecycle);
  assertDevserver(options.devserver);
  if (options.services !== undefined && !Array.isArray(options.services))
    throw bad('services', 'an array of services', options.services);
  if (!isSettings(options.proc)) throw bad('proc', 'an object of settings', options.proc);
}

function assertDevserver(devserver: unknown): void {
  if (devserver === undefined || typeof devserver === 'boolean') return;
  if (typeof devserver !== 'object' || devserver === null || Array.isArray(devserver))
    throw bad('devserver', 'true, false or its options', devserver);
  devserverPackage().assertDevserverOptions(devserver);
}

/** Loaded only where it is wanted. */
function devserverPackage(): typeof import('@lastcall/devserver') {
  return require('@lastcall/devserver') as typeof import('@lastcall/devserver');
}

function isSettings(value: unknown): boolean {
  return (
    value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value))
  );
}

function bad(option: string, allowed: string, value: unknown): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option '${option}' of bootstrap() must be ${allowed}, got ${describe(value)}`,
  );
}
