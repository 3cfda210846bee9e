import { LastcallError, toError } from '../lastcall-error';
import { giveUpAfter } from './give-up-after';
import type { LoopProfile } from './loop-profile';
import type { ProfileHost } from './profile-host';
import type { ProfilePlan } from './profile-options';
import type { MissingProfile, ProfileKind, Profiles } from './profiles';
import type { Recording } from './recording';

/** V8 needs up to 100 ms for either in a small process; a hundred times that is a fault. */
const DEADLINE_MS = 10_000;

/** The loop begins last and ends first, so that it does not watch the others begin and end. */
const START_ORDER: readonly ProfileKind[] = ['heap', 'cpu', 'loop'];

/** One run of a profiler: every kind of recording that could be started, until they are stopped. */
export class ProfileRun {
  readonly #host: ProfileHost;
  readonly #recordings: ReadonlyMap<ProfileKind, Recording<object>>;
  readonly #missing: MissingProfile[];
  readonly #profiles = new Map<ProfileKind, object>();
  readonly #startedAt: number;
  readonly #startedMs: number;

  private constructor(
    host: ProfileHost,
    recordings: ReadonlyMap<ProfileKind, Recording<object>>,
    missing: MissingProfile[],
  ) {
    this.#host = host;
    this.#recordings = recordings;
    this.#missing = missing;
    this.#startedAt = host.wallClock();
    this.#startedMs = host.now();
  }

  /** Starts what can be started. Throws why the first kind cannot when none can. */
  static async start(host: ProfileHost, plan: ProfilePlan): Promise<ProfileRun> {
    const recordings = new Map<ProfileKind, Recording<object>>();
    const missing: MissingProfile[] = [];
    for (const kind of START_ORDER.filter((kind) => plan.kinds.includes(kind))) {
      try {
        recordings.set(kind, await startOne(host, plan, kind));
      } catch (reason) {
        missing.push({ kind, error: failed('did not start', kind, reason) });
      }
    }
    const [first] = missing;
    if (recordings.size === 0 && first !== undefined) throw first.error;
    return new ProfileRun(host, recordings, missing);
  }

  /** Stops every recording. Called once; never rejects. */
  async stop(): Promise<Profiles> {
    const durationMs = this.#host.now() - this.#startedMs;
    for (const [kind, recording] of this.#lastFirst()) {
      try {
        this.#profiles.set(kind, await this.#stopOne(kind, recording));
      } catch (reason) {
        this.#lose(kind, recording, reason);
      }
    }
    return this.#result(durationMs);
  }

  /** Stops every recording that is not stopped yet, before it returns; never throws. */
  stopNow(): Profiles {
    const durationMs = this.#host.now() - this.#startedMs;
    for (const [kind, recording] of this.#lastFirst()) {
      if (this.#isSettled(kind)) continue;
      try {
        this.#profiles.set(kind, recording.stopNow());
      } catch (reason) {
        this.#lose(kind, recording, reason);
      }
    }
    return this.#result(durationMs);
  }

  #lastFirst(): [ProfileKind, Recording<object>][] {
    return [...this.#recordings].reverse();
  }

  #isSettled(kind: ProfileKind): boolean {
    return this.#profiles.has(kind) || this.#missing.some((missing) => missing.kind === kind);
  }

  #lose(kind: ProfileKind, recording: Recording<object>, reason: unknown): void {
    recording.abandon();
    this.#missing.push({ kind, error: failed('was not given back', kind, reason) });
  }

  #result(durationMs: number): Profiles {
    return {
      startedAt: this.#startedAt,
      durationMs: Math.round(durationMs),
      cpu: this.#profiles.get('cpu') ?? null,
      heap: this.#profiles.get('heap') ?? null,
      loop: (this.#profiles.get('loop') as LoopProfile | undefined) ?? null,
      missing: this.#missing,
    };
  }

  #stopOne(kind: ProfileKind, recording: Recording<object>): Promise<object> {
    return giveUpAfter(this.#host, DEADLINE_MS, `stopping the ${kind} profile`, recording.stop());
  }
}

async function startOne(
  host: ProfileHost,
  plan: ProfilePlan,
  kind: ProfileKind,
): Promise<Recording<object>> {
  const started = startRecording(host, plan, kind);
  try {
    return await giveUpAfter(host, DEADLINE_MS, `starting the ${kind} profile`, started);
  } catch (error) {
    // One that starts after all must not run for ever.
    started.then((recording) => recording.abandon()).catch(() => {});
    throw error;
  }
}

function startRecording(
  host: ProfileHost,
  plan: ProfilePlan,
  kind: ProfileKind,
): Promise<Recording<object>> {
  if (kind === 'cpu') return host.recordCpu(plan.intervalMs);
  if (kind === 'heap') return host.recordHeap(plan.heapIntervalBytes);
  return host.recordLoop();
}

function failed(what: string, kind: ProfileKind, reason: unknown): LastcallError {
  if (reason instanceof LastcallError) return reason;
  const cause = toError(reason);
  return new LastcallError(
    'LASTCALL_PROFILE_FAILED',
    `the ${kind} profile ${what}: ${cause.message}`,
    { cause },
  );
}
