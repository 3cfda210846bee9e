import type { StateName } from './events';
import type { Health } from './health';
import type { ListenerOutcome, PhaseReport } from './report';
import type { Stage } from './stages';

/** Where one listener is. */
export interface ListenerStatus {
  readonly name: string;
  readonly phase: 'wrap-up' | 'shutdown';
  readonly stage?: Stage;
  /** `waiting`: registered, its time has not come. */
  readonly state: 'waiting' | 'running' | ListenerOutcome;
  /** When it was called, in milliseconds since the stop began; null until then. */
  readonly startMs: number | null;
  /** For how long it has run, or ran, in milliseconds; null until it is called. */
  readonly durationMs: number | null;
}

/** A lifecycle as it is now; plain data. */
export interface LifecycleStatus {
  readonly state: StateName;
  /** What began the stop, or null while running. */
  readonly reason: string | null;
  /** The signal that the process got, or null. */
  readonly signal: NodeJS.Signals | null;
  /** Milliseconds since the stop began, or null while running. */
  readonly stoppingMs: number | null;
  /** The stage that runs, or null outside the shutdown phase. */
  readonly stage: Stage | null;
  /** Milliseconds at which the hammer fell, or null. */
  readonly hammerMs: number | null;
  /** The phases and stages that are over. */
  readonly phases: readonly PhaseReport[];
  /** Every listener, of wrap-up first, in the order in which they are called. */
  readonly listeners: readonly ListenerStatus[];
  readonly health: ReturnType<Health['check']>;
  readonly settings: {
    readonly wrapUpTimeMs: number;
    readonly hammerTimeMs: number;
    readonly waitTimeMs: number;
  };
}
