import type { Activities } from './activities/activities';
import type { Environment } from './environment';
import type { LifecycleEvent } from './events';
import type { Registry } from './registry';
import type { Report } from './report';
import type { Settings } from './settings';
import type { StopOutcome } from './stop-outcome';

/** What a lifecycle lends to its stop. */
export interface StopHost {
  readonly environment: Environment;
  readonly settings: Settings;
  readonly wrapUps: Registry;
  readonly shutdowns: Registry;
  readonly activities: Activities;
  isObserved(type: LifecycleEvent['type']): boolean;
  emit(event: LifecycleEvent): void;
  /** The stop is ended before everything has settled: what a listener would have done in its turn is done now, or never. */
  onForced(): void;
  /** The stop has come to its end: decides how the process ends. Called once, synchronously. */
  conclude(outcome: StopOutcome): Report;
  /** The stop has entered its next phase. */
  onPhase(phase: 'wrapping-up' | 'shutting-down', holdMs: number): void;
}
