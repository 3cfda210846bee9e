import { url as inspectorUrl } from 'node:inspector';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { LastcallError } from '../lastcall-error';
import type { BlockedLoop } from './blocked-loop';
import { Heartbeat, monotonicMs } from './heartbeat';
import type { HookName } from './stop-enforcer';
import type { FromThread, ThreadConfig, ToThread } from './thread-messages';
import type { StopDeadlines, Watchdog, WatchdogHost, WatchdogOptions } from './watchdog';
import { whyUnavailable } from './watchdog-availability';
import { assertWatchdogOptions } from './watchdog-options';

/** Beats per threshold: what is longer by half the threshold is surely seen. */
const BEATS_PER_THRESHOLD = 2;
/** 20 beats a second and as many looks cost less than 1 % of a core. */
const MIN_BEAT_MS = 50;
const MAX_BEAT_MS = 250;

/** Enough for the names of many thousand scripts; a leak must not be the process's. */
const HEAP_LIMIT_MB = 96;

type WatchdogState =
  | { readonly kind: 'off' }
  | { readonly kind: 'watching'; readonly worker: Worker; readonly beats: NodeJS.Timeout };

let watchdogs = 0;

/**
 * Starts a watchdog: a thread that sees when this one, the main thread, cannot turn its event loop, and says where it is.
 *
 * It costs a timer, a thread of some 15 MB and less than 1 % of a core; the main thread is stopped for milliseconds only
 * while it is blocked anyway. It never keeps the process alive. Where it cannot work `host.onFailed` is called and the
 * watchdog returned is off.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION`
 */
export function startWatchdog(options: WatchdogOptions, host: WatchdogHost): Watchdog {
  assertWatchdogOptions(options);
  return new ThreadWatchdog(options, host);
}

class ThreadWatchdog implements Watchdog {
  readonly thresholdMs: number;
  readonly ready: Promise<void>;
  readonly #host: WatchdogHost;
  readonly #heartbeat = new Heartbeat();
  readonly #hookKey = `@lastcall/proc.watchdog.${process.pid}.${(watchdogs += 1)}.${Math.random()}`;
  #counts: Watchdog['counts'] = { blocks: 0, longestMs: 0, totalMs: 0 };
  #last: BlockedLoop | null = null;
  #excuses = 0;
  #state: WatchdogState = { kind: 'off' };
  #settleReady: () => void = () => {};

  constructor(options: WatchdogOptions, host: WatchdogHost) {
    this.thresholdMs = options.thresholdMs;
    this.#host = host;
    this.ready = new Promise((resolve) => {
      this.#settleReady = resolve;
    });
    const reason = whyUnavailable();
    if (reason === null) this.#start(options);
    else this.#fail(new LastcallError('LASTCALL_WATCHDOG_UNAVAILABLE', reason));
  }

  get counts(): Watchdog['counts'] {
    return this.#counts;
  }

  get last(): BlockedLoop | null {
    return this.#last;
  }

  armStop({ hammerInMs, waitInMs }: StopDeadlines): void {
    const nowMs = monotonicMs();
    this.#tell({ type: 'stop', hammerAtMs: nowMs + hammerInMs, waitAtMs: nowMs + waitInMs });
  }

  excuse(): () => void {
    this.#excuses += 1;
    this.#heartbeat.isExcused = true;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#excuses -= 1;
      if (this.#excuses === 0) this.#heartbeat.pardon();
    };
  }

  noteProfile(isRunning: boolean): void {
    this.#heartbeat.isProfiling = isRunning;
  }

  close(): void {
    if (this.#state.kind === 'off') return;
    const { worker, beats } = this.#state;
    this.#state = { kind: 'off' };
    clearInterval(beats);
    Reflect.deleteProperty(globalThis, Symbol.for(this.#hookKey));
    void worker.terminate();
    this.#settleReady();
  }

  #start(options: WatchdogOptions): void {
    const beatMs = Math.min(
      Math.max(options.thresholdMs / BEATS_PER_THRESHOLD, MIN_BEAT_MS),
      MAX_BEAT_MS,
    );
    this.#heartbeat.begin();
    const worker = this.#startThread(options, beatMs);
    if (worker === null) return;
    const beats = setInterval(() => this.#beat(), beatMs).unref();
    this.#state = { kind: 'watching', worker, beats };
    Object.defineProperty(globalThis, Symbol.for(this.#hookKey), {
      value: (hook: HookName, block: BlockedLoop) => this.#callHost(hook, block),
      configurable: true,
    });
  }

  #startThread(options: WatchdogOptions, beatMs: number): Worker | null {
    // What is preloaded into the program is not needed here, and costs time.
    const { NODE_OPTIONS: _, ...env } = process.env;
    const config: ThreadConfig = {
      memory: this.#heartbeat.memory,
      thresholdMs: options.thresholdMs,
      beatMs,
      profileMs: options.profileMs ?? 500,
      intervalMs: options.intervalMs ?? 1,
      files: options.files ?? null,
      announce: options.announce ?? false,
      hookKey: this.#hookKey,
    };
    try {
      const worker = new Worker(join(__dirname, 'watchdog-thread.js'), {
        workerData: config,
        name: 'lastcall-watchdog',
        execArgv: [],
        env,
        resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB },
      });
      worker.on('message', (message: FromThread) => this.#hear(message));
      worker.on('error', (cause) => this.#die('it failed', cause));
      worker.on('exit', (code) => this.#die(`it ended with code ${code}`));
      worker.unref();
      return worker;
    } catch (cause) {
      const message = `the watchdog's thread cannot be started: ${(cause as Error).message}`;
      this.#fail(new LastcallError('LASTCALL_WATCHDOG_UNAVAILABLE', message, { cause }));
      return null;
    }
  }

  #beat(): void {
    this.#heartbeat.beat(inspectorUrl() !== undefined);
  }

  #hear(message: FromThread): void {
    if (this.#state.kind === 'off') return;
    if (message.type === 'ready') this.#settleReady();
    if (message.type !== 'blocked') return;
    const { block } = message;
    const { blocks, longestMs, totalMs } = this.#counts;
    this.#last = block;
    this.#counts = {
      blocks: blocks + 1,
      longestMs: Math.max(longestMs, block.blockedMs),
      totalMs: totalMs + block.blockedMs,
    };
    this.#host.onBlocked(block);
  }

  #callHost(hook: HookName, block: BlockedLoop): void {
    if (hook === 'hammer') this.#host.onHammerDue?.(block);
    else this.#host.onWaitOver?.(block);
  }

  /** The thread is gone, or going. Not started again: what killed it would do so again. */
  #die(how: string, cause?: unknown): void {
    if (this.#state.kind === 'off') return;
    this.close();
    const detail = cause instanceof Error ? `: ${cause.message}` : '';
    const message = `the watchdog's thread is gone: ${how}${detail}; blocked event loops are no longer seen`;
    this.#fail(new LastcallError('LASTCALL_WATCHDOG_DIED', message, { cause }));
  }

  #fail(error: LastcallError): void {
    this.#settleReady();
    this.#host.onFailed(error);
  }

  #tell(message: ToThread): void {
    if (this.#state.kind === 'watching') this.#state.worker.postMessage(message);
  }
}
