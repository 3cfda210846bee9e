import {
  assertLifecycle,
  assertOptionsObject,
  describe,
  isDelay,
  LastcallError,
  type Lifecycle,
  proc,
  STAGES,
  type Stage,
} from '@lastcall/proc';

/** Options of {@link ServiceGroup}. */
export interface ServiceGroupOptions {
  /** What the report calls the group. Default `services`. */
  readonly name?: string | undefined;
  /** The stage of the shutdown in which the group stops. Default `work`. */
  readonly stage?: Stage | undefined;
  /** The lifecycle whose stop stops the group. Default: the one of this process. */
  readonly lifecycle?: Lifecycle | undefined;
  /**
   * How long each service may take to stop before its AbortSignal aborts, in milliseconds. In the stop of the process
   * the hammer does so at the latest. Default: the `hammerTimeMs` of the lifecycle.
   */
  readonly stopTimeoutMs?: number | undefined;
  /**
   * What a service that fails leads to: `stop` stops the group, `shutdown` the process (the group in its stage, and
   * the report is not ok). Default `stop`.
   */
  readonly onFailure?: 'stop' | 'shutdown' | undefined;
}

/** The options with their defaults. */
export interface GroupSettings {
  readonly name: string;
  readonly stage: Stage;
  readonly lifecycle: Lifecycle;
  readonly stopTimeoutMs: number | undefined;
  readonly onFailure: 'stop' | 'shutdown';
}

const OPTIONS = ['name', 'stage', 'lifecycle', 'stopTimeoutMs', 'onFailure'] as const;

/** @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_UNKNOWN_STAGE` */
export function parseGroupOptions(options: ServiceGroupOptions): GroupSettings {
  assertOptionsObject('ServiceGroup', options, OPTIONS);
  const { name, stage, lifecycle, stopTimeoutMs, onFailure } = options;
  assertName('ServiceGroup', name ?? 'services');
  assertStage(stage);
  if (lifecycle !== undefined) assertLifecycle('ServiceGroup', lifecycle);
  if (stopTimeoutMs !== undefined && !(isDelay(stopTimeoutMs) && stopTimeoutMs > 0))
    throw bad('stopTimeoutMs', 'a positive number of milliseconds', stopTimeoutMs);
  if (onFailure !== undefined && onFailure !== 'stop' && onFailure !== 'shutdown')
    throw bad('onFailure', "'stop' or 'shutdown'", onFailure);
  return {
    name: name ?? 'services',
    stage: stage ?? 'work',
    lifecycle: lifecycle ?? proc,
    stopTimeoutMs,
    onFailure: onFailure ?? 'stop',
  };
}

/** @throws LastcallError `LASTCALL_BAD_OPTION` unless `name` is a non-empty string */
export function assertName(call: string, name: unknown): asserts name is string {
  if (typeof name === 'string' && name !== '') return;
  throw bad('name', 'a non-empty string', name, call);
}

function assertStage(stage: unknown): void {
  if (stage === undefined || STAGES.includes(stage as Stage)) return;
  throw new LastcallError(
    'LASTCALL_UNKNOWN_STAGE',
    `option 'stage' of ServiceGroup must be one of ${STAGES.join(', ')}, got ${describe(stage)}`,
  );
}

function bad(
  option: string,
  allowed: string,
  value: unknown,
  call = 'ServiceGroup',
): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option '${option}' of ${call} must be ${allowed}, got ${describe(value)}`,
  );
}
