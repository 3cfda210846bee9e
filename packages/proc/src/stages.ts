/**
 * The stages of the shutdown phase, in the order they run.
 *
 * - `intake`: what brings work in (servers, consumers)
 * - `work`: what is being worked on (background jobs, buffers to flush)
 * - `resources`: what work needs (pools, caches, clients); the default
 * - `telemetry`: what tells about it (logs, traces, metrics)
 */
export const STAGES = ['intake', 'work', 'resources', 'telemetry'] as const;

/** A stage of the shutdown phase, see {@link STAGES}. */
export type Stage = (typeof STAGES)[number];

/** The place of a listener's stage in the order of a stop; the wrap-up phase, which has none, comes first. */
export function stageRank(stage: Stage | undefined): number {
  return stage === undefined ? -1 : STAGES.indexOf(stage);
}
