import { setTimeout as delay } from 'node:timers/promises';
import { LastcallError, type StackFrame } from '@lastcall/proc';
import { MainThreadSession } from '@lastcall/proc/main-thread';
import type { ControlRequest, MainThreadState, ProcessStatus, ProfileAnswer } from '../protocol';
import type { ThreadSettings, ToMain, ToWorker } from '../thread-protocol';
import { StackProfile } from './stack-profile';

/** How long the main thread may take to take a question up before it counts as blocked, in milliseconds. */
const BLOCKED_MS = 500;
/** How long JavaScript that runs may take to pause, in milliseconds. */
const PAUSE_MS = 1000;
/** The same for one of many looks at it. */
const SAMPLE_PAUSE_MS = 200;
/** Time between two looks, in milliseconds: each takes about as long. */
const SAMPLE_MS = 20;

interface Question {
  readonly askedAt: number;
  readonly progress: (text: string) => void;
  taken(): void;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Asks the main thread, and where that is blocked looks at it from outside. */
export class MainThreadDesk {
  readonly #tell: (message: ToMain) => void;
  readonly #inspectable: boolean;
  readonly #open = new Map<number, Question>();
  #status: ProcessStatus;
  #lastKey = 0;

  constructor(tell: (message: ToMain) => void, { status, inspectable }: ThreadSettings) {
    this.#tell = tell;
    this.#status = status;
    this.#inspectable = inspectable;
  }

  onMessage(message: Exclude<ToWorker, { type: 'last' | 'close' }>): void {
    if (message.type === 'status') {
      this.#status = message.status;
      return;
    }
    const question = this.#open.get(message.key);
    if (question === undefined) return;
    if (message.type === 'taken') question.taken();
    else if (message.type === 'progress') question.progress(message.text);
    else this.#settle(message, question);
  }

  /** Answers `request`. A blocked main thread cannot reload; it stops when it can. */
  async handle(
    request: ControlRequest,
    progress: (text: string) => void,
    signal: AbortSignal,
  ): Promise<unknown> {
    const key = this.#nextKey();
    const askedAt = performance.now();
    let taken = (): void => {};
    const isTaken = new Promise<true>((resolve) => {
      taken = () => resolve(true);
    });
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#open.set(key, { askedAt, progress, taken, resolve, reject });
    });
    answer.catch(() => {});
    const onGone = (): void => this.#tell({ type: 'forget', key });
    signal.addEventListener('abort', onGone, { once: true });
    this.#tell({ type: 'ask', key, request });
    try {
      if (await Promise.race([isTaken, delay(BLOCKED_MS, false)])) return await answer;
      if (request.command === 'stop' || request.command === 'reload') {
        progress(await this.#whyWaiting());
        return await answer;
      }
      this.#open.delete(key);
      onGone();
      return await this.#withoutMainThread(request, signal);
    } finally {
      signal.removeEventListener('abort', onGone);
    }
  }

  #settle(message: Extract<ToWorker, { type: 'answer' | 'failed' }>, question: Question): void {
    this.#open.delete(message.key);
    if (message.type === 'failed') {
      question.reject(Object.assign(new Error(message.message), { code: message.code }));
      return;
    }
    const { value } = message as { value: ProcessStatus | null };
    if (value?.role === 'service') this.#status = value;
    question.resolve(value);
  }

  #nextKey(): number {
    this.#lastKey += 1;
    return this.#lastKey;
  }

  async #withoutMainThread(request: ControlRequest, signal: AbortSignal): Promise<unknown> {
    if (request.command === 'profile') return this.#profile(request.forMs, signal);
    const last = { ...this.#status, mainThread: await this.#look() };
    return request.command === 'dump' ? { kind: 'blocked', last } : last;
  }

  async #whyWaiting(): Promise<string> {
    const { stack } = await this.#look();
    const inner = stack?.find(({ file }) => !file.startsWith('node:')) ?? stack?.[0];
    const by = inner === undefined ? '' : ` by ${inner.functionName} (${inner.file}:${inner.line})`;
    return `the main thread is blocked${by}; waiting`;
  }

  async #look(): Promise<MainThreadState> {
    const since = performance.now();
    const stack = this.#inspectable ? await readStack(PAUSE_MS) : null;
    const blockedMs = Math.round(performance.now() - since + BLOCKED_MS);
    return { responsive: false, blockedMs, stack };
  }

  async #profile(forMs: number, signal: AbortSignal): Promise<ProfileAnswer> {
    if (!this.#inspectable)
      throw new LastcallError(
        'LASTCALL_PROFILE_UNAVAILABLE',
        'the main thread is blocked, and may not be inspected under --permission',
      );
    const startedAt = performance.now();
    const profile = new StackProfile(startedAt * 1000);
    while (!signal.aborted && performance.now() - startedAt < forMs) {
      profile.add(await readStack(SAMPLE_PAUSE_MS), performance.now() * 1000);
      await delay(SAMPLE_MS);
    }
    const durationMs = Math.round(performance.now() - startedAt);
    return { files: [], durationMs, cpu: profile.toProfile(performance.now() * 1000) };
  }
}

/** What the main thread runs; null where it runs no JavaScript for so long, or somebody debugs it. */
async function readStack(pauseMs: number): Promise<readonly StackFrame[] | null> {
  const session = new MainThreadSession();
  const timer = setTimeout(() => session.close(), pauseMs);
  try {
    const found = await session.interrupt({ mayPause: true });
    return found.kind === 'stack' ? found.stack : null;
  } finally {
    clearTimeout(timer);
    session.close();
  }
}
