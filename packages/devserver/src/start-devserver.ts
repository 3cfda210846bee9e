import { isMainThread } from 'node:worker_threads';
import { type LastcallError, type Lifecycle, proc } from '@lastcall/proc';
import { redactCommandLine } from './command-line';
import { type DevserverOptions, type DevserverSettings, resolveOptions } from './devserver-options';
import { ProcessObserver } from './process-observer';
import { ServerThread } from './server-thread';
import { watchLifecycle } from './watch-lifecycle';

/** A running devserver. */
export interface Devserver {
  /** `http://127.0.0.1:6060`, or the path of the unix socket. */
  readonly address: string;
  /** Closes it. Every call gives the same promise. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Serves health checks, metrics, profiles, dumps and a dashboard of this process, for its operators.
 *
 * The server runs in a worker thread, so it answers while the main thread is blocked, and says so. It does not keep the
 * process alive, and closes in the stop's last stage, `telemetry`. On the main thread nothing runs until somebody asks.
 *
 * Await it to know the address; where nobody does, a failure to start is a warning, not an unhandled rejection.
 *
 * @example
 * const devserver = await startDevserver();
 * // http://127.0.0.1:6060, go tool pprof http://127.0.0.1:6060/debug/pprof/profile
 *
 * @throws LastcallError (as a rejection) `LASTCALL_DEVSERVER_IN_USE`, `LASTCALL_DEVSERVER_TOKEN_NEEDED`,
 * `LASTCALL_DEVSERVER_NOT_STARTED`, `LASTCALL_DEVSERVER_GONE`, `LASTCALL_BAD_OPTION`, `LASTCALL_BAD_ENVIRONMENT`
 */
export function startDevserver(options: DevserverOptions = {}): Promise<Devserver> {
  const started = start(options);
  started.catch((error: LastcallError) => warn(options?.lifecycle ?? proc, error));
  return started;
}

async function start(options: DevserverOptions): Promise<Devserver> {
  const settings = resolveOptions(options);
  const { lifecycle } = settings;
  const observer = new ProcessObserver(lifecycle, settings.metrics);
  const thread = new ServerThread(workerSettings(settings, observer), {
    answer: (question) => observer.answer(question),
    rest: (watch) => observer.rest(watch),
    onGone: (error) => {
      void close();
      warn(lifecycle, error);
    },
  });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= closeAll();
    return closed;
  };
  const closeAll = async (): Promise<void> => {
    registration.remove();
    unwatch();
    const last = observer.glance();
    observer.close();
    await thread.close(last);
  };
  const unwatch = watchLifecycle(lifecycle, observer, thread);
  const registration = lifecycle.onShutdown(close, {
    name: 'devserver',
    stage: 'telemetry',
    leaf: true,
  });
  try {
    const address = await thread.listening();
    return Object.freeze({ address, close, [Symbol.asyncDispose]: close });
  } catch (error) {
    await close();
    throw error;
  }
}

function workerSettings(
  { target, token, allowedHosts, liveLimitMs }: DevserverSettings,
  observer: ProcessObserver,
): ConstructorParameters<typeof ServerThread>[0] {
  return {
    target,
    token,
    allowedHosts,
    liveLimitMs,
    whyNotInspectable: whyNotInspectable(),
    commandLine: redactCommandLine([
      process.execPath,
      ...process.execArgv,
      ...process.argv.slice(1),
    ]),
    status: observer.glance(),
  };
}

/** What Node says of its permission model; undefined where it is off, and in workers. */
interface Permission {
  has(scope: string): boolean;
}

/**
 * Asked here and beforehand: in a worker that may not, connecting to the main thread aborts the process. And the main thread
 * is not the one to look at where a devserver was started in a worker: Node lets threads look at no other.
 */
function whyNotInspectable(): string | null {
  if (!isMainThread)
    return 'this devserver was started in a worker thread, which cannot be inspected';
  const { permission } = process as unknown as { readonly permission?: Permission };
  if (permission === undefined || permission.has('inspector')) return null;
  return 'the main thread cannot be inspected under --permission';
}

/** To whoever handles warnings of the lifecycle, else to Node. */
function warn(lifecycle: Partial<Lifecycle>, error: LastcallError): void {
  const isHeard = lifecycle.events?.emit('warning', { type: 'warning', error }) ?? false;
  if (!isHeard) process.emitWarning(error);
}
