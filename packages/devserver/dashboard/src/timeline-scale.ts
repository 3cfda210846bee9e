import type { LifecycleStatus } from './status.js';

/** Where a time of the stop lies on the timeline, in percent of its width. */
export type TimelineScale = (ms: number) => number;

/** The scale of a stop: from the signal to the latest end, or to now when that is later. */
export function timelineScale({ settings, stoppingMs }: LifecycleStatus): TimelineScale {
  const latest = Math.max(settings.waitTimeMs, stoppingMs ?? 0) * 1.03;
  return (ms) => Math.min(100, (ms / latest) * 100);
}
