import type { Remover } from '../environment';
import { LastcallError } from '../lastcall-error';
import { createProcessProfileHost } from './process-profile-host';
import type { ProfileHost } from './profile-host';
import { type ProfileOptions, type ProfilePlan, resolveProfileOptions } from './profile-options';
import { ProfileRun } from './profile-run';
import type { Profiles } from './profiles';

/** What a profiler does: nothing, begin, record, or end. */
export type ProfilerState = 'idle' | 'starting' | 'running' | 'stopping';

type State =
  | { readonly name: 'idle'; readonly endedMs: number | undefined }
  | { readonly name: 'starting'; readonly started: Promise<ProfileRun> }
  | { readonly name: 'running'; readonly run: ProfileRun; readonly removeTimer: Remover }
  | {
      readonly name: 'stopping';
      readonly stopped: Promise<Profiles | null>;
      /** Null where the stop came while V8 began. */
      readonly run: ProfileRun | null;
    };

/** A burst of signals must not profile without a pause. */
const PAUSE_MS = 1000;

/**
 * Records profiles of this thread, one after the other: CPU time, memory in use, the event loop.
 *
 * At any time at most one recording is under way, and none lasts longer than its `maxMs`. Other profilers are not
 * disturbed. Costs nothing while it is idle.
 */
export class Profiler {
  readonly #host: ProfileHost;
  #state: State = { name: 'idle', endedMs: undefined };

  constructor(host: ProfileHost = createProcessProfileHost()) {
    this.#host = host;
  }

  get state(): ProfilerState {
    return this.#state.name;
  }

  /**
   * Starts recording. It stops by itself after `maxMs`.
   *
   * A kind that cannot be recorded is left out, and {@link Profiles.missing} says why.
   *
   * @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_PROFILE_RUNNING`, `LASTCALL_PROFILE_TOO_SOON`; and, when not one
   * of the kinds can be recorded, why the first cannot: `LASTCALL_PROFILE_UNAVAILABLE`, `LASTCALL_PROFILE_TAKEN` or
   * `LASTCALL_PROFILE_FAILED`. All as rejections.
   */
  async start(options: ProfileOptions = {}): Promise<void> {
    const plan = resolveProfileOptions(options);
    const endedMs = this.#assertIdle(plan.force);
    const started = ProfileRun.start(this.#host, plan);
    const starting: State = { name: 'starting', started };
    this.#setState(starting);
    try {
      const run = await started;
      if (this.#state === starting) this.#setRunning(run, plan);
    } catch (error) {
      if (this.#state === starting) this.#setState({ name: 'idle', endedMs });
      throw error;
    }
  }

  /**
   * Stops recording and gives what was recorded; null when nothing was.
   *
   * Who calls while a stop is under way gets the same promise. It never rejects, and always settles: a kind that V8 does
   * not give back within some seconds is given up, and {@link Profiles.missing} says so.
   */
  stop(): Promise<Profiles | null> {
    const state = this.#state;
    if (state.name === 'idle') return Promise.resolve(null);
    if (state.name === 'stopping') return state.stopped;
    if (state.name === 'running') state.removeTimer();
    const run = state.name === 'running' ? state.run : null;
    const stopped = this.#end(
      state.name === 'running' ? Promise.resolve(state.run) : state.started,
    );
    this.#setState({ name: 'stopping', stopped, run });
    return stopped;
  }

  /**
   * The same before it returns, for a process that ends and whose loop will not turn again: also while a stop is under
   * way, which gives null then. Null when nothing was recorded yet. Never throws.
   */
  stopNow(): Profiles | null {
    const state = this.#state;
    const run = state.name === 'running' || state.name === 'stopping' ? state.run : null;
    if (run === null) return null;
    if (state.name === 'running') state.removeTimer();
    this.#setState({ name: 'idle', endedMs: this.#host.now() });
    return run.stopNow();
  }

  async #end(started: Promise<ProfileRun>): Promise<Profiles | null> {
    // What start() failed of, its caller hears.
    const run = await started.catch(() => null);
    const profiles = (await run?.stop()) ?? null;
    // stopNow() came in between, and has given them.
    if (this.#state.name === 'idle') return null;
    this.#setState({ name: 'idle', endedMs: this.#host.now() });
    return profiles;
  }

  #setRunning(run: ProfileRun, plan: ProfilePlan): void {
    const autoStop = (): void => plan.onAutoStop(this.stop());
    const removeTimer = this.#host.setTimer(autoStop, plan.maxMs, false);
    this.#setState({ name: 'running', run, removeTimer });
  }

  /** Returns when the last profile ended. */
  #assertIdle(force: boolean): number | undefined {
    const state = this.#state;
    if (state.name !== 'idle') {
      throw new LastcallError(
        'LASTCALL_PROFILE_RUNNING',
        `a profile is ${state.name}; stop it before you start another`,
      );
    }
    const { endedMs } = state;
    if (endedMs === undefined || force || this.#host.now() - endedMs >= PAUSE_MS) return endedMs;
    throw new LastcallError(
      'LASTCALL_PROFILE_TOO_SOON',
      `a profile ended less than ${PAUSE_MS} ms ago; wait, or start with force: true`,
    );
  }

  #setState(state: State): void {
    this.#state = state;
  }
}
