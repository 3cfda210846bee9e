import { InspectorSession } from './inspector-session';

/** One call of the main thread's stack. */
export interface StackFrame {
  readonly functionName: string;
  readonly file: string;
  readonly line: number;
  readonly column: number | null;
}

/** What the main thread is doing, seen from outside. */
export type MainStack =
  | { readonly state: 'running'; readonly frames: readonly StackFrame[] }
  /** It runs no JavaScript: it waits for events, or is in native code. */
  | { readonly state: 'idle or in native code' };

/** How long JavaScript that runs may take to pause, in milliseconds. */
const PAUSE_DEADLINE_MS = 1000;

interface Script {
  readonly scriptId: string;
  readonly url: string;
}

interface Call {
  readonly functionName: string;
  readonly location: {
    readonly scriptId: string;
    readonly lineNumber: number;
    readonly columnNumber?: number;
  };
}

/** Reads the stack of the main thread, which is paused for it for about a millisecond. Rejects with HttpError. */
export async function readMainStack(): Promise<MainStack> {
  const session = new InspectorSession();
  try {
    const urls = new Map<string, string>();
    session.on<Script>('Debugger.scriptParsed', ({ scriptId, url }) => urls.set(scriptId, url));
    const paused = nextPause(session);
    await session.post('Debugger.enable');
    await session.post('Debugger.pause');
    const calls = await paused;
    const frames = calls?.map((call) => toFrame(call, urls));
    await session.post('Debugger.disable');
    return frames === undefined
      ? { state: 'idle or in native code' }
      : { state: 'running', frames };
  } finally {
    session.close();
  }
}

function nextPause(session: InspectorSession): Promise<readonly Call[] | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), PAUSE_DEADLINE_MS);
    session.on<{ callFrames: readonly Call[] }>('Debugger.paused', ({ callFrames }) => {
      // First of all, and after every pause: nothing may hold the process up.
      session.post('Debugger.resume').catch(() => {});
      clearTimeout(timer);
      resolve(callFrames);
    });
  });
}

function toFrame({ functionName, location }: Call, urls: ReadonlyMap<string, string>): StackFrame {
  const { scriptId, lineNumber, columnNumber } = location;
  return {
    functionName: functionName || '(anonymous)',
    file: toPath(urls.get(scriptId) ?? ''),
    line: lineNumber + 1,
    column: columnNumber === undefined ? null : columnNumber + 1,
  };
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
