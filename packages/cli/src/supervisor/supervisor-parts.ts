import type { LastcallError } from '@lastcall/proc';
import type { RestartEnvironment, StartCommand } from '@lastcall/restart/handover';
import type { HeldSockets } from './held-sockets';
import type { RunSettings } from './run-settings';

/** What a supervisor works with. */
export interface SupervisorParts {
  readonly environment: RestartEnvironment;
  readonly command: StartCommand;
  readonly settings: RunSettings;
  readonly sockets: HeldSockets;
  readonly log: (text: string) => void;
  readonly observer: SupervisorObserver;
}

/** Who is told how the service does: systemd, for one. */
export interface SupervisorObserver {
  /** A worker failed before the service was up: the start may last up to `ms` longer. */
  onDelay(ms: number, why: string): void;
  /** Every worker is ready for the first time, or again after some had been given up. */
  onUp(): void;
  /** Nobody takes the places of some workers; all others serve. */
  onPartlyUp(generation: number, what: string): void;
  /** An upgrade has begun. */
  onRoll(): void;
  onRolled(generation: number): void;
  onRollFailed(error: LastcallError): void;
  /** An upgrade was asked for while all is well but for the number of processes. */
  onRollRefused(error: LastcallError): void;
  onStop(): void;
}

/** How an upgrade is to tell what it does. */
export type Progress = (text: string) => void;
