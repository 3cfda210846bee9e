import { type InspectorNotification, Session } from 'node:inspector';
import type { StackFrame } from './blocked-loop';
import { type CpuProfile, type DebuggerFrame, isInternal, toStack } from './call-stack';

/** How the main thread was found. */
export type Interruption =
  | {
      readonly kind: 'stack';
      readonly stack: readonly StackFrame[];
      /** Settles when the main thread has run what `onStack` returned, or the session is closed. */
      readonly ran: Promise<unknown>;
    }
  /** Somebody holds it at a breakpoint; it was left there. */
  | { readonly kind: 'debugged' }
  /** It did not stop before the session was closed, or was not to be stopped. */
  | { readonly kind: 'silent' };

export interface InterruptOptions {
  /** False while somebody may be debugging: then only a pause of somebody else is looked for. */
  readonly mayPause: boolean;
  /** Whether what one wants to see has gone by. */
  readonly isOver?: () => boolean;
  /** Called while the main thread stands. A text it returns is JavaScript for the main thread to run there and then. */
  readonly onStack?: (stack: readonly StackFrame[]) => string | null;
}

/**
 * Between two microtasks there is only Node's own code on the stack: so many steps lead into the next one. No more, as callbacks of
 * `process.nextTick()` would need: V8 may abort the process where it optimizes functions that are stopped so often.
 */
const MAX_STEPS = 3;

/**
 * A session with the inspector of the main thread, which works while that runs JavaScript and cannot turn its loop. In
 * native code the main thread answers when it comes back.
 *
 * Opened when needed and closed at once: an open one makes Node wait for a debugger when it exits. When this thread dies
 * in a pause, V8 lets the main thread go on.
 */
export class MainThreadSession {
  readonly #session = new Session();
  #onClose: (() => void) | null = null;

  constructor() {
    this.#session.connectToMainThread();
  }

  /** Stops the main thread, takes its stack and lets it go on. Never rejects; `close()` settles it. */
  interrupt({ mayPause, isOver, onStack }: InterruptOptions): Promise<Interruption> {
    const urls = new Map<string, string>();
    let hasAnswered = false;
    let steps = 0;
    return new Promise((resolve) => {
      this.#onClose = () => resolve({ kind: 'silent' });
      this.#on<{ scriptId: string; url: string }>('Debugger.scriptParsed', ({ scriptId, url }) =>
        urls.set(scriptId, url),
      );
      this.#on<{ callFrames: DebuggerFrame[] }>('Debugger.paused', ({ callFrames }) => {
        // V8 reports a pause of somebody else before it answers.
        if (!hasAnswered) return resolve({ kind: 'debugged' });
        const stack = toStack(callFrames, urls);
        if (isInternal(stack) && isOver?.() !== true && (steps += 1) <= MAX_STEPS) {
          return void this.#tell('Debugger.stepInto');
        }
        const expression = onStack?.(stack) ?? null;
        const ran =
          expression === null
            ? Promise.resolve()
            : this.#tell('Runtime.evaluate', { expression, silent: true });
        void this.#tell('Debugger.resume');
        void this.#tell('Debugger.disable');
        resolve({ kind: 'stack', stack, ran });
      });
      // Not by a promise: the pause may follow before its turn.
      void this.#tell('Debugger.enable', {}, () => {
        hasAnswered = true;
        if (!mayPause) resolve({ kind: 'silent' });
      });
      // At once: in the time of one answer, a main thread that comes back from native code leaves what called that.
      if (mayPause) void this.#tell('Debugger.pause');
    });
  }

  /** Records what the main thread runs until `until` aborts; null when it could not. */
  async profile(intervalMs: number, until: AbortSignal): Promise<CpuProfile | null> {
    await this.#tell('Profiler.enable');
    await this.#tell('Profiler.setSamplingInterval', { interval: Math.round(intervalMs * 1000) });
    await this.#tell('Profiler.start');
    await aborted(until);
    const answer = await this.#tell<{ profile: CpuProfile }>('Profiler.stop');
    return answer?.profile ?? null;
  }

  /** Ends the session and what it began. Idempotent. */
  close(): void {
    this.#session.disconnect();
    this.#onClose?.();
    this.#onClose = null;
  }

  #on<T>(event: string, listener: (params: T) => void): void {
    this.#session.on(event, ({ params }: InspectorNotification<T>) => listener(params));
  }

  /** Resolves with the answer, or undefined where V8 refuses or the session is closed. */
  #tell<T = unknown>(
    method: string,
    params: object = {},
    onAnswer: () => void = () => {},
  ): Promise<T | undefined> {
    return new Promise((resolve) => {
      const settle = (error: Error | null, answer?: unknown): void => {
        onAnswer();
        resolve(error === null ? (answer as T) : undefined);
      };
      try {
        this.#session.post(method, params, settle);
      } catch {
        // Closed in the meantime.
        resolve(undefined);
      }
    });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
}
