import { ask, hasToken } from './access-token.js';
import { readEvents } from './event-stream.js';
import type { Status } from './status.js';

/** A status with the moment it came, on the clock of `performance.now()`. */
export interface Sighting {
  readonly status: Status;
  readonly at: number;
}

/** What is known of the process, and how well. */
export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live'; readonly last: Sighting }
  | { readonly kind: 'lost'; readonly last: Sighting | null; readonly why: string }
  /** The devserver asks for a token, or for another one than was given. */
  | { readonly kind: 'locked'; readonly given: boolean };

/** The stream sends every second; after so long without one, something is wrong with it. */
const SILENCE_MS = 4000;
const RETRY_MS = 1000;

/**
 * Follows the process from now on, over any number of connections: each change is told to `tell`.
 * Returns what ends it.
 */
export function watchStatus(tell: (connection: Connection) => void): () => void {
  const watch = new AbortController();
  let last: Sighting | null = null;

  async function follow(): Promise<void> {
    tell({ kind: 'connecting' });
    while (!watch.signal.aborted) {
      const end = await readOneStream(watch.signal, (status) => {
        last = { status, at: performance.now() };
        tell({ kind: 'live', last });
      });
      if (watch.signal.aborted) return;
      if (end.kind === 'locked') return tell({ kind: 'locked', given: hasToken() });
      tell({ kind: 'lost', last, why: end.why });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  void follow();
  return () => watch.abort();
}

type StreamEnd = { readonly kind: 'locked' } | { readonly kind: 'lost'; readonly why: string };

/** Never rejects: how a stream ends is what it resolves with. */
async function readOneStream(
  signal: AbortSignal,
  hear: (status: Status) => void,
): Promise<StreamEnd> {
  const silence = new AbortController();
  const ended = AbortSignal.any([signal, silence.signal]);
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const response = await ask('debug/stream', ended);
    if (response.status === 401) return { kind: 'locked' };
    if (!response.ok || response.body === null)
      return { kind: 'lost', why: await refusal(response) };
    for await (const { type, data } of readEvents(response.body)) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      if (type === 'status') hear(JSON.parse(data));
    }
    return { kind: 'lost', why: 'the devserver closed the connection' };
  } catch {
    const why = silence.signal.aborted
      ? 'the devserver is silent'
      : 'the devserver cannot be reached';
    return { kind: 'lost', why };
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

async function refusal(response: Response): Promise<string> {
  const text = (await response.text()).trim().slice(0, 200);
  return `the devserver refuses: ${response.status}${text === '' ? '' : `, ${text}`}`;
}
