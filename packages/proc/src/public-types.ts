// Types have no code: the entrance of the package names them without loading a file for them.

export type {
  AcceptedBy,
  AcceptedSockets,
  Activities,
  ActivityList,
  ActivitySample,
  ActivitySource,
} from './activities/activities';
export type { Activity, ActivityStart } from './activities/activity';
export type { Gauge, Gauges } from './activities/gauges';
export type {
  AwaitFrame,
  AwaitGroup,
  AwaitSites,
  CodePosition,
  ListenerSite,
  ResourceSite,
  WaitingOn,
} from './await-sites/await-sites';
export type { SettingField } from './check-options';
export type { CountChange, DumpDiff, GroupChange } from './dump/diff-dumps';
export type { DumpOptions, DumpResult } from './dump/dump';
export type {
  DumpDocument,
  HandleGroup,
  HandleRecord,
  LoopRecord,
  MemoryRecord,
  ProcessRecord,
  WatchdogRecord,
} from './dump/dump-document';
export type { Remover } from './environment';
export type { LastcallErrorCode } from './error-codes';
export type { ErrorReport } from './error-report';
export type {
  BlockedEvent,
  DumpEvent,
  FatalEvent,
  ForceQuitEvent,
  HammerEvent,
  LifecycleEvent,
  LifecycleEventMap,
  LifecycleEvents,
  ListenerEndEvent,
  ListenerStartEvent,
  ProfileEndEvent,
  ProfileStartEvent,
  ReportEvent,
  SignalEvent,
  StateEvent,
  StateName,
  UpgradeEvent,
  WarningEvent,
} from './events';
export type { EventLine, LogLevel } from './format-event';
export type { Health, HealthStatus, Probe } from './health';
export type { Lifecycle } from './lifecycle';
export type { ProfileResult } from './profile/profile-control';
export type { ProfileOptions } from './profile/profile-options';
export type { ProfileKind, Profiles } from './profile/profiles';
export type {
  DrainSummary,
  Listener,
  ListenerContext,
  Registration,
  ShutdownOptions,
  WrapUpOptions,
} from './registration';
export type { ListenerOutcome, ListenerReport, PhaseReport, Report } from './report';
export type {
  ExitMode,
  Logger,
  LoggerObject,
  SecondSignal,
  Settings,
  SetupOptions,
} from './settings';
export type { NotifyContext } from './signals/notify-context';
export type { SignalChannel } from './signals/signal-channel';
export type { SignalHandler } from './signals/signal-dispatcher';
export type { Signals, SignalTarget } from './signals/signals';
export type { Stage } from './stages';
export type { LifecycleStatus, ListenerStatus } from './status';
export type { BlockedLoop, StackFrame } from './watchdog/blocked-loop';
