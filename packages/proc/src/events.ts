import type { EventEmitter } from 'eventemitter3';
import type { Activity } from './activities/activity';
import type { LastcallError } from './lastcall-error';
import type { ProfileKind } from './profile/profiles';
import type { ListenerOutcome, Report } from './report';
import type { Stage } from './stages';
import type { BlockedLoop } from './watchdog/blocked-loop';

/** Where a process is in its life. */
export type StateName = 'running' | 'wrapping-up' | 'shutting-down' | 'stopped';

/** A signal that concerns the lifecycle arrived, and what it leads to. */
export interface SignalEvent {
  readonly type: 'signal';
  readonly signal: NodeJS.Signals;
  /** `ignore`: the stop goes on as if it had not come; `dump`: the process explains itself. */
  readonly action: 'stop' | 'hammer' | 'kill' | 'ignore' | 'dump';
}

/** The state changed. */
export interface StateEvent {
  readonly type: 'state';
  readonly state: StateName;
  readonly previous: StateName;
  /** Why the stop began. */
  readonly reason: string;
  /** Milliseconds since the stop began. */
  readonly atMs: number;
  /** How long the wrap-up phase holds, in milliseconds (0: no pause). Only with `wrapping-up`. */
  readonly holdMs?: number;
}

/** A listener was called. */
export interface ListenerStartEvent {
  readonly type: 'listenerStart';
  readonly name: string;
  readonly phase: 'wrap-up' | 'shutdown';
  readonly stage?: Stage;
  readonly atMs: number;
}

/** A listener settled, or is no longer waited for (`late`). */
export interface ListenerEndEvent {
  readonly type: 'listenerEnd';
  readonly name: string;
  readonly phase: 'wrap-up' | 'shutdown';
  readonly stage?: Stage;
  readonly atMs: number;
  readonly durationMs: number;
  readonly outcome: ListenerOutcome;
  readonly error?: Error;
  /** What the listener says it drained, when it says so. */
  readonly drained?: number;
  /** What the listener says it ended in order before it was done, when it says so. */
  readonly ended?: number;
  /** What the listener says it cut, when it says so. */
  readonly cut?: readonly unknown[];
}

/** The hammer fell: every listener's AbortSignal aborts. */
export interface HammerEvent {
  readonly type: 'hammer';
  readonly cause: 'hammerTimeMs' | 'signal' | 'call';
  readonly atMs: number;
  /** Names of the listeners that have not settled. */
  readonly pending: readonly string[];
}

/** The stop, and with it the process, is ended before everything settled. */
export interface ForceQuitEvent {
  readonly type: 'forceQuit';
  /** `exit`: somebody called process.exit() during the stop. */
  readonly cause: 'waitTimeMs' | 'signal' | 'exit';
  /** Who called process.exit(), as a stack; with `exit` only, and not where an error that nothing caught ended the process. */
  readonly stack?: string;
  /** Only the stop is ended, and the process is not: with `exit: 'none'`, where nobody called process.exit(). */
  readonly livesOn?: true;
  readonly atMs: number;
  /** Names of the listeners that have not settled. */
  readonly pending: readonly string[];
  /** Names of the listeners that were never called: their turn had not come. */
  readonly notCalled: readonly string[];
  /** What is in flight and lost with the process, as far as adapters and the application tell, with how many of each kind. */
  readonly inFlight?: Readonly<Record<string, number>>;
  /** The oldest of them, 100 at most. */
  readonly oldest?: readonly Activity[];
  /** What keeps the process alive, by resource type, with how many of each. */
  readonly resources: Readonly<Record<string, number>>;
  /** Where its open TCP sockets lead, with how many of each; at `waitTimeMs` only. */
  readonly sockets?: Readonly<Record<string, number>>;
}

/** An error that nothing caught began a stop, or happened during one (only with `fatalErrors`). */
export interface FatalEvent {
  readonly type: 'fatal';
  readonly error: Error;
  /** `uncaughtException` or `unhandledRejection`. */
  readonly origin: string;
}

/** The process has explained itself. */
export interface DumpEvent {
  readonly type: 'dump';
  /** What asked for it: a signal's name, or `call`. */
  readonly reason: string;
  /** 1 for the first dump of the process. */
  readonly seq: number;
  /** What was written: the text, and the JSON. */
  readonly files: readonly string[];
  readonly tookMs: number;
  /** For how long of it nothing else ran, in milliseconds. */
  readonly pauseMs: number;
}

/** A profile has begun. */
export interface ProfileStartEvent {
  readonly type: 'profileStart';
  /** What asked for it: a signal's name, or `call`. */
  readonly reason: string;
  readonly kinds: readonly ProfileKind[];
  /** When it ends by itself, in milliseconds from now. */
  readonly maxMs: number;
}

/** A profile is over. */
export interface ProfileEndEvent {
  readonly type: 'profileEnd';
  /** What ended it: a signal's name, `call`, `maxMs`, `stop` (that of the process, also a forced one) or `exit` (without a stop). */
  readonly reason: string;
  readonly files: readonly string[];
  readonly durationMs: number;
}

/** The watchdog saw the event loop blocked; it turns again. */
export interface BlockedEvent {
  readonly type: 'blocked';
  readonly block: BlockedLoop;
}

/** An upgrade of this process (`@lastcall/restart`): where it is, or how it ended. */
export interface UpgradeEvent {
  readonly type: 'upgrade';
  /**
   * - `begin`: somebody asked for it, and it is possible
   * - `spawn`: the new generation was started
   * - `ready`: it serves; this process accepts nothing new, and waits whether it lives
   * - `done`: it has taken over for good; this process stops
   * - `giving-up`: the new generation is being ended, for `error`; `failed` or `rolled-back` comes when it has ended
   * - `failed`: it did not get that far, for `error`; this process serves on
   * - `rolled-back`: it died soon after it was ready; this process has its sockets back and serves on
   * - `refused`: the upgrade could not begin, for `error`
   * - `parent-gone`: who started this process has ended: the former generation, or `lastcall run`
   */
  readonly step:
    | 'begin'
    | 'spawn'
    | 'ready'
    | 'done'
    | 'giving-up'
    | 'failed'
    | 'rolled-back'
    | 'refused'
    | 'parent-gone';
  /** What asked for it: a signal's name, or `call`. For `parent-gone` `supervisor`, or empty. */
  readonly reason: string;
  /** The generation of this process; the first is 1. */
  readonly generation: number;
  /** The new generation, or with `parent-gone` the old one, where there is one. */
  readonly pid: number | null;
  /** Milliseconds since `begin`. */
  readonly atMs: number;
  readonly error?: LastcallError;
  /** With `done`: this process was started from a terminal, whose shell takes the end of it for that of the service. */
  readonly onTerminal?: boolean;
}

/** Something is wrong that does not stop the process; `error.code` says what. */
export interface WarningEvent {
  readonly type: 'warning';
  readonly error: LastcallError;
}

/** The stop is over; the process is about to end. */
export interface ReportEvent {
  readonly type: 'report';
  readonly report: Report;
}

/** Anything that happens in a lifecycle, as data. */
export type LifecycleEvent =
  | SignalEvent
  | StateEvent
  | ListenerStartEvent
  | ListenerEndEvent
  | HammerEvent
  | ForceQuitEvent
  | FatalEvent
  | DumpEvent
  | ProfileStartEvent
  | ProfileEndEvent
  | BlockedEvent
  | UpgradeEvent
  | WarningEvent
  | ReportEvent;

/** Event names with the arguments of their handlers, for `proc.events.on(name, handler)`. */
export type LifecycleEventMap = {
  [E in LifecycleEvent as E['type']]: (event: E) => void;
};

/** The typed emitter behind `proc.events`. */
export type LifecycleEvents = EventEmitter<LifecycleEventMap>;
