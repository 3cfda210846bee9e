import { assertOptionsObject, describe } from '../check-options';
import { LastcallError } from '../lastcall-error';
import { PROFILE_KINDS, type ProfileKind, type Profiles } from './profiles';

/** What to record, how often and for how long. */
export interface ProfileOptions {
  /** Default: all three. */
  readonly kinds?: readonly ProfileKind[] | undefined;
  /**
   * Time between two samples of the CPU profile, in milliseconds, 0.05 to 1000. Default 10, as in Go (100 Hz): hardly
   * measurable. 1 shows more and can be measured; at 0.1 a busy process is much slower. V8 may take longer than asked.
   */
  readonly intervalMs?: number | undefined;
  /**
   * Bytes allocated between two samples of the heap profile, on average, 1024 to 1 GiB. Default 512 KiB: hardly
   * measurable. Smaller values find smaller leaks.
   */
  readonly heapIntervalBytes?: number | undefined;
  /**
   * When the profile stops by itself, in milliseconds, 1 to 600000. Default 60000. With a CPU profile at most 600000
   * times `intervalMs`: every sample takes memory until the end.
   */
  readonly maxMs?: number | undefined;
  /**
   * Starts also within a second after the last profile ended, where it is refused otherwise (`LASTCALL_PROFILE_TOO_SOON`). Default
   * false: a burst of signals takes one profile. One that is running it does not replace.
   */
  readonly force?: boolean | undefined;
  /**
   * Called when the profile stops by itself, after `maxMs`, with the promise of what was recorded; it must not throw. The files
   * are written, and `profileEnd` is told, with it and without it. Default: nobody is called.
   */
  readonly onAutoStop?: ((stopped: Promise<Profiles | null>) => void) | undefined;
}

/** {@link ProfileOptions}, checked and complete. */
export interface ProfilePlan {
  readonly kinds: readonly ProfileKind[];
  readonly intervalMs: number;
  readonly heapIntervalBytes: number;
  readonly maxMs: number;
  readonly force: boolean;
  readonly onAutoStop: (stopped: Promise<Profiles | null>) => void;
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly unit: string;
}

const RANGES = {
  intervalMs: { from: 0.05, to: 1000, unit: 'milliseconds' },
  heapIntervalBytes: { from: 1024, to: 2 ** 30, unit: 'bytes' },
  maxMs: { from: 1, to: 600_000, unit: 'milliseconds' },
} as const satisfies Record<string, Range>;

const NAMES = ['kinds', 'intervalMs', 'heapIntervalBytes', 'maxMs', 'force', 'onAutoStop'];

/** V8 keeps 100 to 300 bytes for each while it records. */
const MAX_CPU_SAMPLES = 600_000;

/**
 * Checks the options of a profile and adds the defaults.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION`
 */
export function resolveProfileOptions(options: ProfileOptions): ProfilePlan {
  assertOptionsObject('the start of a profile', options, NAMES);
  const { kinds = PROFILE_KINDS, force = false, onAutoStop = () => {} } = options;
  assertKinds(kinds);
  if (typeof force !== 'boolean') throw badOption('force', 'true or false', force);
  if (typeof onAutoStop !== 'function') throw badOption('onAutoStop', 'a function', onAutoStop);
  const intervalMs = inRange('intervalMs', options.intervalMs ?? 10);
  const maxMs = inRange('maxMs', options.maxMs ?? 60_000);
  return {
    kinds: PROFILE_KINDS.filter((kind) => kinds.includes(kind)),
    intervalMs,
    heapIntervalBytes: inRange('heapIntervalBytes', options.heapIntervalBytes ?? 512 * 1024),
    maxMs: kinds.includes('cpu') ? Math.min(maxMs, intervalMs * MAX_CPU_SAMPLES) : maxMs,
    force,
    onAutoStop,
  };
}

function assertKinds(kinds: unknown): void {
  const valid =
    Array.isArray(kinds) && kinds.length > 0 && kinds.every((kind) => PROFILE_KINDS.includes(kind));
  if (valid) return;
  throw badOption('kinds', `a non-empty array of ${PROFILE_KINDS.join(', ')}`, kinds);
}

function inRange(name: keyof typeof RANGES, value: number): number {
  const { from, to, unit } = RANGES[name];
  if (typeof value === 'number' && value >= from && value <= to) return value;
  throw badOption(name, `a number of ${unit} from ${from} to ${to}`, value);
}

function badOption(name: string, allowed: string, value: unknown): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option '${name}' must be ${allowed}, got ${describe(value)}`,
  );
}
