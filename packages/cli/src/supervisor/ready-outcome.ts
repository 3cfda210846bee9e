import type { GenerationEnd } from '@lastcall/restart/handover';

/** What happened while one waited for a worker to be ready. */
export type ReadyOutcome =
  | { readonly kind: 'ready' | 'late' }
  | { readonly kind: 'ended'; readonly end: GenerationEnd; readonly why: string };

/** A process that is to be ready. */
export interface ReadySource {
  readonly ready: Promise<void>;
  readonly ended: Promise<GenerationEnd>;
  /** Why it says that it will not be ready; empty where it has said nothing. */
  readonly lastWords: () => string;
}

/** Waits until it is ready, has ended, or `ms` are over. */
export async function readyOutcome(
  { ready, ended, lastWords }: ReadySource,
  ms: number,
): Promise<ReadyOutcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ReadyOutcome>((resolve) => {
    // A process that stood still finds its time over before it has read what came meanwhile: one more turn for that.
    timer = setTimeout(() => setTimeout(resolve, 0, { kind: 'late' }), ms);
  });
  const failed = ended.then((end): ReadyOutcome => ({ kind: 'ended', end, why: lastWords() }));
  const isReady = ready.then((): ReadyOutcome => ({ kind: 'ready' }));
  try {
    return await Promise.race([isReady, failed, late]);
  } finally {
    clearTimeout(timer);
  }
}
