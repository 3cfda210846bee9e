import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { LoopDelay } from './protocol';

const RESOLUTION_MS = 20;

/** Measures the delay of the event loop from the first look on, until told to rest. Costs nothing before and after. */
export class LoopWatch {
  #histogram: IntervalHistogram | undefined;

  /** The delays since the last look, or null at the first. */
  look(): LoopDelay | null {
    const histogram = this.#histogram;
    if (histogram === undefined) {
      this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#histogram.enable();
      return null;
    }
    if (histogram.count === 0) return null;
    const delay = {
      p50: toDelay(histogram.percentile(50)),
      p99: toDelay(histogram.percentile(99)),
      max: toDelay(histogram.max),
    };
    histogram.reset();
    return delay;
  }

  rest(): void {
    this.#histogram?.disable();
    this.#histogram = undefined;
  }
}

/** The histogram has the time from tick to tick: what is over the resolution is the delay. */
function toDelay(nanoseconds: number): number {
  return Math.max(0, Math.round((nanoseconds / 1e6 - RESOLUTION_MS) * 100) / 100);
}
