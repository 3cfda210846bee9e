import type { StateName } from './events';
import type { Health } from './health';
import type { Entry } from './registration';
import type { Registry } from './registry';
import type { PhaseReport } from './report';
import type { Settings } from './settings';
import type { Stage } from './stages';
import type { LifecycleStatus, ListenerStatus } from './status';
import type { StopCause } from './stop-outcome';

/** What a stop tells. */
export interface StopProgress {
  readonly stage: Stage | null;
  readonly elapsedMs: number;
  readonly hammerMs: number | null;
  readonly phases: readonly PhaseReport[];
  readonly listeners: readonly ListenerStatus[];
}

/** What a status is made of. */
export interface StatusParts {
  readonly state: StateName;
  readonly health: Health;
  readonly settings: Settings;
  readonly wrapUps: Registry;
  readonly shutdowns: Registry;
  /** The stop, once it has begun. */
  readonly stop: { readonly cause: StopCause; progress(): StopProgress } | null;
}

/** Describes a lifecycle as it is now. */
export function lifecycleStatus(parts: StatusParts): LifecycleStatus {
  const { stop, wrapUps, shutdowns } = parts;
  const { wrapUpTimeMs, hammerTimeMs, waitTimeMs } = parts.settings;
  const progress = stop?.progress();
  return {
    state: parts.state,
    reason: stop?.cause.reason ?? null,
    signal: stop?.cause.signal ?? null,
    stoppingMs: progress?.elapsedMs ?? null,
    stage: progress?.stage ?? null,
    hammerMs: progress?.hammerMs ?? null,
    phases: [...(progress?.phases ?? [])],
    listeners: [
      ...(progress?.listeners ?? []),
      ...[...wrapUps.waiting(), ...shutdowns.waiting()].map(waiting),
    ],
    health: parts.health.check(),
    settings: { wrapUpTimeMs, hammerTimeMs, waitTimeMs },
  };
}

function waiting({ name, phase, stage }: Entry): ListenerStatus {
  const where = stage === undefined ? { phase } : { phase, stage };
  return { name, ...where, state: 'waiting', startMs: null, durationMs: null };
}
