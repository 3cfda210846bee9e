/** What a look at the pulse found out. */
export type LoopChange =
  | { readonly kind: 'none' }
  /** The loop is late by more than the threshold. `beatMs` identifies the block. */
  | { readonly kind: 'began'; readonly beatMs: number; readonly lateMs: number }
  | { readonly kind: 'ended'; readonly beatMs: number; readonly blockedMs: number };

type LoopState =
  | { readonly kind: 'turning' }
  | { readonly kind: 'blocked'; readonly beatMs: number };

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const NONE: LoopChange = { kind: 'none' };

/**
 * Tells a blocked loop from a process that did not run.
 *
 * Who looks runs in the same process: when it comes late itself, everything stood still (SIGSTOP, a frozen container, a
 * sleeping laptop), and that time is nobody's fault. Its own looks are therefore the clock.
 */
export class LoopObserver {
  readonly #thresholdMs: number;
  readonly #intervalMs: number;
  #state: LoopState = { kind: 'turning' };
  #lookedMs: number;
  #excluded: Span[] = [];

  /** `nowMs`: when the looking begins; the process may be suspended before the first look. */
  constructor(thresholdMs: number, intervalMs: number, nowMs: number) {
    this.#thresholdMs = thresholdMs;
    this.#intervalMs = intervalMs;
    this.#lookedMs = nowMs;
  }

  /** To be called every `intervalMs` with the time and that of the last beat. */
  look(nowMs: number, beatMs: number): LoopChange {
    this.#excludeGap(nowMs);
    this.#excluded = this.#excluded.filter(({ toMs }) => toMs > this.#firstBeat(beatMs));
    if (this.#state.kind === 'blocked') return this.#lookAgain(this.#state.beatMs, beatMs);
    const lateMs = this.lateMs(nowMs, beatMs);
    if (lateMs < this.#thresholdMs) return NONE;
    this.#state = { kind: 'blocked', beatMs };
    return { kind: 'began', beatMs, lateMs };
  }

  /** By how much the next beat is late, without the time in which nothing ran. */
  lateMs(nowMs: number, beatMs: number): number {
    const dueMs = beatMs + this.#intervalMs;
    const excludedMs = this.#excluded
      .map(({ fromMs, toMs }) => Math.min(toMs, nowMs) - Math.max(fromMs, dueMs))
      .reduce((sum, ms) => sum + Math.max(0, ms), 0);
    return Math.max(0, nowMs - dueMs - excludedMs);
  }

  /** The time from `beatMs` until now was nobody's fault; the block, if there was one, is none. */
  pardon(nowMs: number, beatMs: number): void {
    this.#excluded.push({ fromMs: beatMs, toMs: nowMs });
    this.#state = { kind: 'turning' };
  }

  /** Who looks was busy itself until now: that is not the process standing still. */
  skipGap(nowMs: number): void {
    this.#lookedMs = nowMs;
  }

  #lookAgain(blockedAtMs: number, beatMs: number): LoopChange {
    if (beatMs === blockedAtMs) return NONE;
    const blockedMs = this.lateMs(beatMs, blockedAtMs);
    this.#state = { kind: 'turning' };
    return { kind: 'ended', beatMs: blockedAtMs, blockedMs };
  }

  #excludeGap(nowMs: number): void {
    const lookedMs = this.#lookedMs;
    this.#lookedMs = nowMs;
    if (nowMs - lookedMs - this.#intervalMs <= this.#thresholdMs / 2) return;
    this.#excluded.push({ fromMs: lookedMs, toMs: nowMs });
  }

  /** Exclusions are needed from the beat on that the present block began with. */
  #firstBeat(beatMs: number): number {
    return this.#state.kind === 'blocked' ? this.#state.beatMs : beatMs;
  }
}
