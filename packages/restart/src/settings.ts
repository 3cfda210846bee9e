import { constants } from 'node:os';
import {
  isDelay,
  LastcallError,
  type Lifecycle,
  mergeSettings,
  type SettingField,
} from '@lastcall/proc';
import type { RestartEnvironment } from './restart-environment';
import type { StartCommand } from './start-command';

/** Sends one datagram to systemd: lines of `NAME=value`. It may return a promise. */
export type NotifySender = (datagram: string) => unknown;

/** The settings of upgrades, complete. */
export interface RestartSettings {
  /** How long a new generation may take until it calls `restart.ready()`, in milliseconds. Default 60000 (tableflip's). */
  readonly readyTimeoutMs: number;
  /**
   * How long the new generation is watched after `ready`, in milliseconds: when it ends within that time, the old one takes
   * the sockets back. Only then the old one stops. Default 3000; 0: no way back.
   */
  readonly bakeMs: number;
  /** Where the pid of the generation in charge is kept. Default: nowhere. */
  readonly pidFile: string | undefined;
  /**
   * A command that must end with code 0 before a new generation is started, such as `node --check app.js`: a string for the
   * shell, or an array. It runs as the new generation would, in its directory and environment. Default: none.
   */
  readonly check: string | readonly string[] | undefined;
  /** How many generations may be alive at once: old ones drain while new ones serve. Default 8, at least 2. */
  readonly maxGenerations: number;
  /** The signal that begins an upgrade, or `none`. Default SIGHUP. */
  readonly upgradeSignal: NodeJS.Signals | 'none';
  /**
   * Whether the signal means an upgrade when a person sits at a terminal in front of the process, too. Default false: closing
   * the terminal sends SIGHUP, and must not leave a new generation behind.
   */
  readonly upgradeOnTerminal: boolean;
  /** What to start as the next generation. Default: what this process was started with. */
  readonly command: Partial<StartCommand> | undefined;
  /** How systemd is told: `auto` finds a way where systemd asks to be told, `off` does not, a function is the way. */
  readonly notify: 'auto' | 'off' | NotifySender;
}

/**
 * What `restart.setup()` takes: the fields given change, the others stay.
 *
 * An environment variable wins over a field: `LASTCALL_READY_TIMEOUT_MS`, `LASTCALL_BAKE_MS`, `LASTCALL_PID_FILE`,
 * `LASTCALL_CHECK`, `LASTCALL_MAX_GENERATIONS`, `LASTCALL_UPGRADE_SIGNAL`, `LASTCALL_UPGRADE_ON_TERMINAL`, `LASTCALL_NOTIFY`
 * (`auto` or `off`).
 */
export type RestartOptions = {
  readonly [K in keyof RestartSettings]?: RestartSettings[K] | undefined;
};

const FIELDS: { readonly [K in keyof RestartSettings]: SettingField } = {
  readyTimeoutMs: {
    allowed: 'a number of milliseconds above 0',
    isValid: (value) => isDelay(value) && value > 0,
    variable: 'LASTCALL_READY_TIMEOUT_MS',
    as: 'number',
  },
  bakeMs: {
    allowed: 'a number of milliseconds, 0 or more',
    isValid: isDelay,
    variable: 'LASTCALL_BAKE_MS',
    as: 'number',
  },
  pidFile: {
    allowed: 'a non-empty string',
    isValid: isText,
    variable: 'LASTCALL_PID_FILE',
  },
  check: {
    allowed: 'a non-empty string, or a non-empty array of strings',
    isValid: (value) =>
      isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)),
    variable: 'LASTCALL_CHECK',
  },
  maxGenerations: {
    allowed: 'a whole number, 2 or more',
    isValid: (value) => Number.isSafeInteger(value) && (value as number) >= 2,
    variable: 'LASTCALL_MAX_GENERATIONS',
    as: 'number',
  },
  upgradeSignal: {
    allowed: "the name of a signal that can be caught, or 'none'",
    isValid: (value) => value === 'none' || isCatchable(value),
    variable: 'LASTCALL_UPGRADE_SIGNAL',
  },
  upgradeOnTerminal: {
    allowed: 'true or false',
    isValid: (value) => typeof value === 'boolean',
    variable: 'LASTCALL_UPGRADE_ON_TERMINAL',
    as: 'boolean',
  },
  command: {
    allowed: 'an object with some of execPath, execArgv, args, cwd, env',
    isValid: isPartialCommand,
  },
  notify: {
    allowed: "'auto', 'off' or a function",
    isValid: (value) => value === 'auto' || value === 'off' || typeof value === 'function',
    variable: 'LASTCALL_NOTIFY',
  },
};

export const DEFAULT_SETTINGS: RestartSettings = Object.freeze({
  readyTimeoutMs: 60_000,
  bakeMs: 3000,
  pidFile: undefined,
  check: undefined,
  maxGenerations: 8,
  upgradeSignal: 'SIGHUP',
  upgradeOnTerminal: false,
  command: undefined,
  notify: 'auto',
});

/**
 * Returns `current` with the fields of `options` and the overrides of the environment.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_BAD_ENVIRONMENT`; `current` stays as it was
 */
export function resolveRestartSettings(
  current: RestartSettings,
  options: RestartOptions,
  environment: RestartEnvironment,
  lifecycle: Lifecycle,
): RestartSettings {
  const settings = mergeSettings('restart.setup()', FIELDS, current, options, (name) =>
    environment.env(name),
  );
  assertSignalFree(settings, lifecycle);
  return Object.freeze(settings);
}

/** A signal that stops the process, or asks for a dump, cannot mean an upgrade besides. */
function assertSignalFree({ upgradeSignal }: RestartSettings, { settings }: Lifecycle): void {
  const { stopSignals, dumpSignal, profileSignal } = settings;
  if (upgradeSignal === 'none') return;
  if (![...stopSignals, dumpSignal, profileSignal].includes(upgradeSignal)) return;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option 'upgradeSignal' of restart.setup() is ${upgradeSignal}, which proc.setup() has for something else; choose another`,
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isCatchable(value: unknown): boolean {
  return isText(value) && value in constants.signals && !['SIGKILL', 'SIGSTOP'].includes(value);
}

function isPartialCommand(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { execPath, execArgv, args, cwd, env, ...rest } = value as Partial<StartCommand>;
  return (
    Object.keys(rest).length === 0 &&
    [execPath, cwd].every((text) => text === undefined || isText(text)) &&
    [execArgv, args].every((list) => list === undefined || Array.isArray(list)) &&
    (env === undefined || (typeof env === 'object' && env !== null))
  );
}
