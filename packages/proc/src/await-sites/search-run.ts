import { performance } from 'node:perf_hooks';
import type { AwaitSites, AwaitSitesOptions } from './await-sites';
import { PauseClock } from './pause-clock';

/** One search: what was asked for, and what it has cost so far. */
export class SearchRun {
  readonly options: Required<AwaitSitesOptions>;
  readonly clock: PauseClock;
  /** Whether somebody waits for its end, as a stop does: then it matters how long it takes by the clock. */
  readonly isUrgent: boolean;
  readonly #estimatedPauseMs: number;
  readonly #startedAt = performance.now();

  constructor(
    options: Required<AwaitSitesOptions>,
    {
      estimatedPauseMs,
      isUrgent,
    }: { readonly estimatedPauseMs: number; readonly isUrgent: boolean },
  ) {
    this.options = options;
    this.isUrgent = isUrgent;
    this.clock = new PauseClock(options.deadlineMs);
    this.#estimatedPauseMs = estimatedPauseMs;
  }

  stats(heapNodes: number | null): AwaitSites['stats'] {
    return {
      heapNodes,
      estimatedPauseMs: this.#estimatedPauseMs,
      pauseMs: Math.round(this.clock.totalMs),
      tookMs: Math.round(performance.now() - this.#startedAt),
    };
  }

  /** The result of a search that is not done, to spare the process. */
  heldBack(reason: string): AwaitSites {
    return { ...this.skipped(reason), heldBack: true };
  }

  /** The result of a search that has found nothing. */
  skipped(reason: string): AwaitSites {
    return {
      status: 'skipped',
      reason,
      heldBack: false,
      counted: 'functions',
      suspended: 0,
      groups: [],
      omittedGroups: 0,
      resources: [],
      listeners: [],
      stats: this.stats(null),
    };
  }
}
