import type { StackFrame } from './blocked-loop';

/** What the main thread runs. */
export interface MainThreadStack {
  /**
   * - `running`: `frames` is what it ran when asked
   * - `silent`: it ran no JavaScript while one waited: it is idle, or in native code
   * - `debugged`: somebody holds it at a breakpoint
   * - `unavailable`: the watchdog is off or did not answer
   */
  readonly state: 'running' | 'silent' | 'debugged' | 'unavailable';
  /** Innermost first. */
  readonly frames: readonly StackFrame[];
}

/** A question to the watchdog's thread. */
export interface StackQuestion {
  readonly type: 'stack';
  readonly id: number;
  readonly timeoutMs: number;
}

/** The answer to it. */
export interface StackAnswer {
  readonly type: 'stack';
  readonly id: number;
  readonly stack: MainThreadStack;
}

/** How long the answer itself may take on top, in milliseconds. */
const ANSWER_MS = 500;

/** A port to the watchdog, or its worker. */
interface Askable {
  on(event: 'message', listener: (message: StackAnswer) => void): unknown;
  off(event: 'message', listener: (message: StackAnswer) => void): unknown;
  postMessage(message: StackQuestion): void;
}

export const NO_STACK: MainThreadStack = { state: 'unavailable', frames: [] };

let lastId = 0;

/**
 * Asks the watchdog, over a port that `watchdog.connect()` returned, what the main thread runs; works in any thread.
 *
 * Never rejects: without an answer in time the state is `unavailable`.
 *
 * @param timeoutMs - how long the main thread may take to run anything; default 1000
 */
export function askForStack(port: Askable, timeoutMs = 1000): Promise<MainThreadStack> {
  const id = (lastId += 1);
  return new Promise((resolve) => {
    const finish = (stack: MainThreadStack): void => {
      clearTimeout(timer);
      port.off('message', onMessage);
      resolve(stack);
    };
    const onMessage = (message: StackAnswer): void => {
      if (message.type === 'stack' && message.id === id) finish(message.stack);
    };
    const timer = setTimeout(finish, timeoutMs + ANSWER_MS, NO_STACK);
    port.on('message', onMessage);
    const question: StackQuestion = { type: 'stack', id, timeoutMs };
    port.postMessage(question);
  });
}
