import { isDelay, MAX_DELAY_MS, mergeSettings, type SettingField } from './check-options';
import type { Environment } from './environment';
import type { LifecycleEvent } from './events';
import { gracePeriodMs } from './grace-period';
import { LastcallError } from './lastcall-error';
import { assertCatchable, CATCHABLE_SIGNALS } from './signals/signal-names';
import type { WatchdogOptions } from './watchdog/watchdog';
import {
  assertWatchdogOptions,
  LEAST_THRESHOLD_MS,
  MOST_THRESHOLD_MS,
} from './watchdog/watchdog-options';

/** What a process does with a second stop signal while it is stopping. */
export type SecondSignal = 'kill' | 'hammer' | 'ignore';

/**
 * How the process ends when the stop is over.
 *
 * - `signal`: by the signal it got, with the default disposition, so that whoever waits for the process sees a
 *   death by that signal. A stop that no signal began ends with exit code 0, or 1 if the report is not `ok`.
 * - `code`: with exit code 0, or 1 if the report is not `ok`
 * - `none`: not at all: `shutdown()` resolves and the process lives on (tests, embedding)
 */
export type ExitMode = 'signal' | 'code' | 'none';

/** The methods of a pino-like logger that lastcall calls: an object with the event, without SQL and query strings, then a line of text. */
export interface LoggerObject {
  info(event: object, message: string): void;
  warn(event: object, message: string): void;
  error(event: object, message: string): void;
}

/** A renderer of events: `true` for lines on stderr, `false` for none, a pino-like object, or a function. */
export type Logger = boolean | LoggerObject | ((event: LifecycleEvent) => void);

/** The settings of a lifecycle, complete. */
export interface Settings {
  /** How long the wrap-up phase holds, measured from the signal, in milliseconds. Default 1000 (go-zero's). */
  readonly wrapUpTimeMs: number;
  /** When the hammer falls, measured from the signal, in milliseconds. Default 4500. */
  readonly hammerTimeMs: number;
  /** When the process ends whatever happens, measured from the signal, in milliseconds. Default 5500 (go-zero's). */
  readonly waitTimeMs: number;
  /** How the process ends. Default `signal`. */
  readonly exit: ExitMode;
  /** What a second stop signal does. Default `kill`. */
  readonly secondSignal: SecondSignal;
  /** The signals that begin a stop. Default SIGTERM and SIGINT; on Windows also SIGBREAK and SIGHUP. */
  readonly stopSignals: readonly NodeJS.Signals[];
  /** Whether an uncaught exception or unhandled rejection begins a stop with exit code 1. Default false. */
  readonly fatalErrors: boolean;
  /** What the service is called in dumps and their file names. Default: npm's package name, or the main script's name. */
  readonly name: string | undefined;
  /** Where dumps and profiles are written. Default: a private directory per user below that for temporary files. */
  readonly dumpDir: string | undefined;
  /** The signal that asks for a dump, or `none`. Default SIGUSR1; `none` on Windows. */
  readonly dumpSignal: NodeJS.Signals | 'none';
  /** The signal that begins and ends a profile, or `none`. Default SIGUSR2; `none` on Windows. */
  readonly profileSignal: NodeJS.Signals | 'none';
  /**
   * Watches for a blocked event loop from another thread, tells who blocks it, and keeps the deadlines of a stop when the
   * main thread cannot. Default false. Costs a timer and a thread.
   */
  readonly watchdog: false | Omit<WatchdogOptions, 'files'>;
  /** Renders events. Default true: short lines on stderr. */
  readonly logger: Logger;
}

/**
 * What `setup()` takes: the fields given change, the others stay.
 *
 * An environment variable wins over a field, so that an operator can tune without code: `LASTCALL_WRAP_UP_TIME_MS`,
 * `LASTCALL_HAMMER_TIME_MS`, `LASTCALL_WAIT_TIME_MS`, `LASTCALL_EXIT`, `LASTCALL_SECOND_SIGNAL`,
 * `LASTCALL_FATAL_ERRORS` (true or 1, false or 0), `LASTCALL_NAME`, `LASTCALL_DUMP_DIR`, `LASTCALL_DUMP_SIGNAL`,
 * `LASTCALL_PROFILE_SIGNAL`, `LASTCALL_WATCHDOG_MS` (the threshold; 0 for none).
 */
export type SetupOptions = { readonly [K in keyof Settings]?: Settings[K] | undefined };

function timeField(variable: string): SettingField {
  return {
    allowed: `a number of milliseconds from 0 to ${MAX_DELAY_MS}`,
    isValid: isDelay,
    variable,
    as: 'number',
  };
}

function choiceField(choices: readonly string[], variable: string): SettingField {
  return {
    allowed: choices.map((choice) => `'${choice}'`).join(', '),
    isValid: (value) => choices.includes(value as string),
    variable,
  };
}

function textField(variable: string): SettingField {
  return {
    allowed: 'a non-empty string',
    isValid: (value) => typeof value === 'string' && value !== '',
    variable,
  };
}

function signalField(variable: string): SettingField {
  return {
    allowed: "the name of a signal that can be caught, or 'none'",
    isValid: (value) => value === 'none' || CATCHABLE_SIGNALS.includes(value as NodeJS.Signals),
    variable,
  };
}

const FIELDS: { readonly [K in keyof Settings]: SettingField } = {
  wrapUpTimeMs: timeField('LASTCALL_WRAP_UP_TIME_MS'),
  hammerTimeMs: timeField('LASTCALL_HAMMER_TIME_MS'),
  waitTimeMs: timeField('LASTCALL_WAIT_TIME_MS'),
  exit: choiceField(['signal', 'code', 'none'], 'LASTCALL_EXIT'),
  secondSignal: choiceField(['kill', 'hammer', 'ignore'], 'LASTCALL_SECOND_SIGNAL'),
  stopSignals: { allowed: 'a non-empty array of signal names', isValid: isNonEmptyArray },
  fatalErrors: {
    allowed: 'true or false',
    isValid: (value) => typeof value === 'boolean',
    variable: 'LASTCALL_FATAL_ERRORS',
    as: 'boolean',
  },
  name: textField('LASTCALL_NAME'),
  dumpDir: textField('LASTCALL_DUMP_DIR'),
  dumpSignal: signalField('LASTCALL_DUMP_SIGNAL'),
  profileSignal: signalField('LASTCALL_PROFILE_SIGNAL'),
  watchdog: {
    allowed: 'false or an object with thresholdMs',
    isValid: (value) => value === false || (typeof value === 'object' && value !== null),
    variable: 'LASTCALL_WATCHDOG_MS',
    allowedText: `0 for none, or a number of milliseconds from ${LEAST_THRESHOLD_MS} to ${MOST_THRESHOLD_MS}`,
    as: toWatchdog,
  },
  logger: {
    allowed: 'true, false, a function, or an object with info(), warn() and error()',
    isValid: isLogger,
  },
};

/** The defaults: go-zero's times (1 s, 5.5 s), and the signals of the platform. */
export function defaultSettings(platform: NodeJS.Platform): Settings {
  return {
    wrapUpTimeMs: 1000,
    hammerTimeMs: 4500,
    waitTimeMs: 5500,
    exit: 'signal',
    secondSignal: 'kill',
    stopSignals: platform === 'win32' ? ['SIGINT', 'SIGBREAK', 'SIGHUP'] : ['SIGTERM', 'SIGINT'],
    fatalErrors: false,
    name: undefined,
    dumpDir: undefined,
    dumpSignal: platform === 'win32' ? 'none' : 'SIGUSR1',
    profileSignal: platform === 'win32' ? 'none' : 'SIGUSR2',
    watchdog: false,
    logger: true,
  };
}

/**
 * Returns `current` with the fields of `options` and the overrides of the environment.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_BAD_ENVIRONMENT`, `LASTCALL_BAD_TIMES`,
 * `LASTCALL_UNKNOWN_SIGNAL` or `LASTCALL_UNCATCHABLE_SIGNAL`; `current` stays as it was.
 */
export function resolveSettings(
  current: Settings,
  options: SetupOptions,
  environment: Environment,
): Settings {
  const settings = mergeSettings('setup()', FIELDS, current, options, (name) =>
    environment.env(name),
  );
  for (const signal of options.stopSignals ?? []) assertCatchable(signal);
  // What was given is refused also where the environment says otherwise.
  for (const { watchdog } of [options, settings]) if (watchdog) assertWatchdogOptions(watchdog);
  assertOrder(settings);
  assertDistinctSignals(settings);
  // A bad one is refused here, before anything has changed.
  gracePeriodMs(environment);
  return settings;
}

function assertOrder({ wrapUpTimeMs, hammerTimeMs, waitTimeMs }: Settings): void {
  if (wrapUpTimeMs < hammerTimeMs && hammerTimeMs < waitTimeMs) return;
  throw new LastcallError(
    'LASTCALL_BAD_TIMES',
    `times must be in the order wrapUpTimeMs < hammerTimeMs < waitTimeMs, got ${wrapUpTimeMs}, ${hammerTimeMs}, ` +
      `${waitTimeMs}; give the others too when you change one (environment variables LASTCALL_*_TIME_MS count)`,
  );
}

function assertDistinctSignals({ stopSignals, dumpSignal, profileSignal }: Settings): void {
  const used = [...stopSignals, dumpSignal, profileSignal].filter((signal) => signal !== 'none');
  const twice = used.find((signal, index) => used.indexOf(signal) !== index);
  if (twice === undefined) return;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `options 'stopSignals', 'dumpSignal' and 'profileSignal' must name different signals, ${twice} is named twice`,
  );
}

/** What is no threshold stays a text, which is refused. */
function toWatchdog(text: string): Settings['watchdog'] | string {
  const thresholdMs = Number(text);
  if (!/^\d+$/.test(text)) return text;
  if (thresholdMs === 0) return false;
  return thresholdMs >= LEAST_THRESHOLD_MS && thresholdMs <= MOST_THRESHOLD_MS
    ? { thresholdMs }
    : text;
}

function isNonEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function isLogger(value: unknown): boolean {
  if (typeof value === 'boolean' || typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null) return false;
  const { info, warn, error } = value as Partial<LoggerObject>;
  return [info, warn, error].every((method) => typeof method === 'function');
}
