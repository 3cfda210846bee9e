import type { Environment } from './environment';
import { LastcallError } from './lastcall-error';
import { defaultSettings, resolveSettings, type Settings, type SetupOptions } from './settings';

/** What a stop takes from the settings at its begin. */
const TAKEN_BY_STOP = [
  'wrapUpTimeMs',
  'hammerTimeMs',
  'waitTimeMs',
  'exit',
  'secondSignal',
] as const satisfies readonly (keyof Settings)[];

/** What to say where a stop that began with `inForce` is under way, and `settings` would change it. */
export function tooLate(settings: Settings, inForce: Settings): LastcallError | undefined {
  const changed = TAKEN_BY_STOP.filter((name) => settings[name] !== inForce[name]);
  if (changed.length === 0) return undefined;
  const values = changed.map((name) => `${name} stays ${inForce[name]}`);
  return new LastcallError(
    'LASTCALL_SETUP_TOO_LATE',
    `setup() was called during the stop, which goes on as it began: ${values.join(', ')}; call it before`,
  );
}

/** The settings of one lifecycle: the defaults, then what `setup()` changes, with the environment's overrides on top. */
export class LiveSettings {
  readonly #environment: Environment;
  #current: Settings;
  /** Whether the environment's overrides are in. */
  #isResolved = false;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#current = defaultSettings(environment.platform);
  }

  /** As they are now; without the environment's overrides as long as nothing depends on them. */
  get current(): Settings {
    return this.#current;
  }

  /** Changes what `options` give. Throws LastcallError and changes nothing if they are bad, or the environment is. */
  change(options: SetupOptions): Settings {
    this.#current = Object.freeze(resolveSettings(this.#current, options, this.#environment));
    this.#isResolved = true;
    return this.#current;
  }

  /** Takes in the environment's overrides, once; returns whether that changed anything. Throws LastcallError if they are bad. */
  resolve(): boolean {
    if (this.#isResolved) return false;
    this.change({});
    return true;
  }

  /** As `resolve()`; overrides that are bad are told of and left out. */
  resolveLeniently(warn: (error: LastcallError) => void): boolean {
    try {
      return this.resolve();
    } catch (error) {
      this.#isResolved = true;
      warn(error as LastcallError);
      return false;
    }
  }
}
