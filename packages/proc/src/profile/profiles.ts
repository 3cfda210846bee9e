import type { LastcallError } from '../lastcall-error';
import type { LoopProfile } from './loop-profile';

/** What can be recorded: where CPU time goes, what allocates the memory in use, how the event loop does. */
export type ProfileKind = 'cpu' | 'heap' | 'loop';

/** Every kind, in the order in which files are written. */
export const PROFILE_KINDS: readonly ProfileKind[] = ['cpu', 'heap', 'loop'];

/** A kind that was asked for and is not there. */
export interface MissingProfile {
  readonly kind: ProfileKind;
  readonly error: LastcallError;
}

/** What was recorded between a start and a stop. */
export interface Profiles {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly durationMs: number;
  /** A V8 CPU profile, as a `.cpuprofile` file holds it: Chrome DevTools and speedscope open it. */
  readonly cpu: object | null;
  /** A V8 sampling heap profile, as a `.heapprofile` file holds it: memory still in use, by who allocated it. */
  readonly heap: object | null;
  readonly loop: LoopProfile | null;
  /** Why a kind that was asked for is null. */
  readonly missing: readonly MissingProfile[];
}
