import { originalPosition } from '@lastcall/proc/source-maps';
import { HttpError } from './http-error';
import { InspectorSession } from './inspector-session';
import type { MainThread } from './main-thread';

/** One call of the main thread's stack. Lines and columns from 1. */
export interface StackFrame {
  readonly functionName: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Where the function begins. */
  readonly startLine: number;
}

/** What the main thread is doing, seen from outside. */
export type MainStack =
  | {
      readonly state: 'running';
      readonly frames: readonly StackFrame[];
      /** It was in native code when asked: the stack is what ran when it came back from there. */
      readonly isLate: boolean;
    }
  /** It runs no JavaScript: it waits for events, or is in native code. */
  | { readonly state: 'idle or in native code' };

/** How long JavaScript that runs may take to pause, in milliseconds. */
const PAUSE_DEADLINE_MS = 1000;

/** JavaScript pauses at once: what takes longer was in native code. */
const NATIVE_AFTER_MS = 100;

interface Script {
  readonly scriptId: string;
  readonly url: string;
}

interface Location {
  readonly scriptId: string;
  readonly lineNumber: number;
  readonly columnNumber?: number;
}

interface Call {
  readonly functionName: string;
  readonly functionLocation?: Location;
  readonly location: Location;
}

/**
 * Whoever debugs the process may hold it at a breakpoint, which a pause and resume of ours would end.
 * Throws HttpError 409.
 */
export function assertNotDebugged({ lastHealth }: Pick<MainThread, 'lastHealth'>): void {
  if (!lastHealth.debuggable) return;
  throw new HttpError(
    409,
    'the inspector is open, and a debugger may hold the main thread: left alone',
  );
}

/** Reads the stack of the main thread, which is paused for it for about a millisecond. Rejects with HttpError. */
export async function readMainStack(): Promise<MainStack> {
  const reader = await StackReader.open();
  try {
    return await reader.read(PAUSE_DEADLINE_MS);
  } finally {
    reader.close();
  }
}

/** Reads the stack of the main thread, again and again. */
export class StackReader {
  readonly #session: InspectorSession;
  readonly #urls = new Map<string, string>();
  #onPaused: ((calls: readonly Call[]) => void) | undefined;

  private constructor(session: InspectorSession) {
    this.#session = session;
    session.on<Script>('Debugger.scriptParsed', ({ scriptId, url }) =>
      this.#urls.set(scriptId, url),
    );
    session.on<{ callFrames: readonly Call[] }>('Debugger.paused', ({ callFrames }) => {
      // First of all, and whatever caused the pause: nothing may hold the process up.
      session.post('Debugger.resume').catch(() => {});
      this.#onPaused?.(callFrames);
    });
  }

  /** Rejects with HttpError when the main thread cannot be inspected. */
  static async open(): Promise<StackReader> {
    const reader = new StackReader(new InspectorSession());
    try {
      await reader.#session.post('Debugger.enable');
      return reader;
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  /** The stack, unless nothing pauses within `deadlineMs`: then no JavaScript runs. */
  async read(deadlineMs: number): Promise<MainStack> {
    const askedAt = performance.now();
    const paused = this.#nextPause(deadlineMs);
    await this.#session.post('Debugger.pause');
    const calls = await paused;
    if (calls === undefined) return { state: 'idle or in native code' };
    const isLate = performance.now() - askedAt > NATIVE_AFTER_MS;
    return { state: 'running', frames: calls.map((call) => this.#toFrame(call)), isLate };
  }

  /** Also takes back a pause that has not come. */
  close(): void {
    this.#session.post('Debugger.disable').catch(() => {});
    this.#session.close();
  }

  #nextPause(deadlineMs: number): Promise<readonly Call[] | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), deadlineMs);
      this.#onPaused = (calls) => {
        clearTimeout(timer);
        resolve(calls);
      };
    });
  }

  #toFrame({ functionName, functionLocation, location }: Call): StackFrame {
    const { scriptId, lineNumber, columnNumber } = location;
    const path = toPath(this.#urls.get(scriptId) || '[evaluated]');
    const begin = functionLocation ?? location;
    const { line: startLine } = originalPosition(
      path,
      begin.lineNumber + 1,
      (begin.columnNumber ?? 0) + 1,
    );
    return {
      functionName: functionName || '(anonymous)',
      ...originalPosition(path, lineNumber + 1, (columnNumber ?? 0) + 1),
      startLine,
    };
  }
}

/** The path of a `file:` URL; other names stay. */
export function toPath(url: string): string {
  if (!url.startsWith('file://')) return url;
  try {
    return decodeURIComponent(url.slice('file://'.length));
  } catch {
    return url;
  }
}
