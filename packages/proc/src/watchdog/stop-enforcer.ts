import type { BlockFiles } from './block-files';
import type { BlockWatch } from './block-watch';
import type { BlockedLoop } from './blocked-loop';
import { type Heartbeat, monotonicMs } from './heartbeat';
import { killProcess } from './kill-process';
import type { LoopObserver } from './loop-observer';
import { type Interruption, MainThreadSession } from './main-thread-session';
import { nativeState } from './native-state';
import { toSourceStack } from './source-stack';
import { whenSilent } from './when-silent';

/** What the host of the main thread is called for. */
export type HookName = 'hammer' | 'end';

type EnforcerState =
  | { readonly kind: 'off' }
  | {
      readonly kind: 'armed';
      readonly hammerAtMs: number;
      readonly waitAtMs: number;
      readonly isHammered: boolean;
    }
  /** Being enforced: nothing else begins. */
  | { readonly kind: 'acting' };

/** How late the loop is at least when it is blocked at a deadline, in milliseconds. */
const BLOCKED_MS = 100;

/**
 * How long the main thread may take to stop, in milliseconds; in native code it never does. As {@link whenSilent} counts: a
 * process that was suspended, or got no core, is not killed for that.
 */
const ANSWER_MS = 500;
/** The same where it is known to be in native code. */
const SILENT_ANSWER_MS = 50;

/** How long a process without a core is waited for, in milliseconds: by then others have killed it. */
const NO_LIMIT_MS = 60_000;

/** How long the end may take on the main thread once it has begun, in milliseconds: 'exit' handlers, coverage. */
const END_MS = 2000;

/** Keeps the deadlines of a stop when the main thread cannot. */
export class StopEnforcer {
  readonly #heartbeat: Heartbeat;
  readonly #observer: LoopObserver;
  readonly #watch: BlockWatch;
  readonly #files: BlockFiles;
  readonly #hookKey: string;
  #state: EnforcerState = { kind: 'off' };

  constructor(
    heartbeat: Heartbeat,
    observer: LoopObserver,
    watch: BlockWatch,
    files: BlockFiles,
    hookKey: string,
  ) {
    this.#heartbeat = heartbeat;
    this.#observer = observer;
    this.#watch = watch;
    this.#files = files;
    this.#hookKey = hookKey;
  }

  /** Times of `monotonicMs()`. */
  arm(hammerAtMs: number, waitAtMs: number): void {
    if (this.#state.kind !== 'off') return;
    this.#state = { kind: 'armed', hammerAtMs, waitAtMs, isHammered: false };
  }

  /** Looks whether a deadline is over that the main thread did not keep. */
  look(): void {
    if (this.#state.kind !== 'armed') return;
    const { hammerAtMs, waitAtMs, isHammered } = this.#state;
    const nowMs = monotonicMs();
    const beatMs = this.#heartbeat.lastMs;
    const lateMs = this.#observer.lateMs(nowMs, beatMs);
    if (nowMs >= waitAtMs) {
      // A loop that turned since is ending the process itself, which may block it for a while.
      if (lateMs >= (beatMs > waitAtMs ? END_MS : BLOCKED_MS)) void this.#end(this.#state);
      return;
    }
    if (nowMs >= hammerAtMs && !isHammered && beatMs < hammerAtMs && lateMs >= BLOCKED_MS) {
      void this.#hammer(this.#state);
    }
  }

  async #hammer(armed: EnforcerState & { kind: 'armed' }): Promise<void> {
    this.#state = { kind: 'acting' };
    const found = await this.#interrupt('hammer', () => {}, armed.waitAtMs - monotonicMs());
    // In native code it cannot be called, and may be back in time for the next look.
    this.#state = { ...armed, isHammered: found.kind === 'stack' };
  }

  async #end(armed: EnforcerState & { kind: 'armed' }): Promise<void> {
    this.#state = { kind: 'acting' };
    const why = 'the stop is out of time';
    const found = await this.#interrupt('end', (block) => this.#files.writeText(block, why));
    if (found.kind === 'debugged') {
      this.#observer.pardon(monotonicMs(), this.#heartbeat.lastMs);
      this.#state = armed;
      return;
    }
    if (found.kind === 'silent') {
      const block = { ...this.#watch.now(), nativeState: nativeState() };
      this.#files.writeText(block, why + this.#lossOfProfile());
      return killProcess();
    }
    whenSilent(END_MS, () => this.#giveUpOnHost(why));
    // The host ends the process within the call, or not at all.
    void found.ran.then(killProcess);
  }

  /** The host does not come to its end: where it saves a heap profile, V8 collects the garbage of a heap that is large. */
  #giveUpOnHost(why: string): void {
    const lost = this.#lossOfProfile();
    if (lost !== '') this.#files.writeText(this.#watch.now(), why + lost);
    killProcess();
  }

  #lossOfProfile(): string {
    if (!this.#heartbeat.isProfiling) return '';
    return '; the profile that was running is lost (LASTCALL_PROFILE_FAILED)';
  }

  /** Stops the main thread where it is and has it call the host. */
  async #interrupt(
    hook: HookName,
    seen: (block: BlockedLoop) => void,
    limitMs = NO_LIMIT_MS,
  ): Promise<Interruption> {
    const answerMs = this.#watch.isSilent ? SILENT_ANSWER_MS : ANSWER_MS;
    await this.#watch.release();
    const session = new MainThreadSession();
    const answered = whenSilent(answerMs, () => session.close());
    // A stop without an end has no limit, which a timer would take for none at all.
    const limit = setTimeout(() => session.close(), Math.min(limitMs, NO_LIMIT_MS));
    const stopWaiting = (): void => {
      answered();
      clearTimeout(limit);
    };
    const found = await session.interrupt({
      mayPause: true,
      onStack: (running) => {
        stopWaiting();
        // Of a block that has been looked at the maps are read.
        const stack = toSourceStack(running);
        this.#watch.addStack(stack);
        const block: BlockedLoop = { ...this.#watch.now(), stack, stackPrecision: 'exact' };
        seen(block);
        return this.#callOf(hook, block);
      },
    });
    stopWaiting();
    if (hook === 'hammer') session.close();
    return found;
  }

  #callOf(hook: HookName, block: BlockedLoop): string {
    const data = JSON.stringify({ ...block, profile: null });
    return `globalThis[Symbol.for(${JSON.stringify(this.#hookKey)})]?.(${JSON.stringify(hook)}, ${data})`;
  }
}
