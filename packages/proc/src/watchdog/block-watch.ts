import type { BlockFiles } from './block-files';
import type { BlockedLoop, StackFrame } from './blocked-loop';
import { type CpuProfile, hottestStack } from './call-stack';
import { type Heartbeat, monotonicMs } from './heartbeat';
import type { LoopObserver } from './loop-observer';
import { type Interruption, MainThreadSession } from './main-thread-session';
import { nativeState } from './native-state';
import { toSourceStack } from './source-stack';
import type { ThreadConfig } from './thread-messages';
import { whenSilent } from './when-silent';

/** Without an answer for so long, in milliseconds, the main thread was in native code. */
const NATIVE_AFTER_MS = 250;

/** Behind native code a shorter profile, in milliseconds, has but the way back to the loop, and not what blocked it. */
const LEAST_AFTER_NATIVE_MS = 100;

/** How long a session stays open that is no longer needed, in milliseconds: an answer may be on its way. */
const LAST_ANSWER_MS = 100;

/**
 * Looking costs the main thread time: at most a tenth of it, and not more than once a second. Waiting for native code to
 * return costs it nothing.
 */
const MIN_REST_MS = 1000;
const REST_FACTOR = 10;

/** A block that is being looked at. */
interface OpenBlock {
  readonly beatMs: number;
  readonly over: AbortController;
  /** It is a dump that stops the main thread. */
  readonly isExcused: boolean;
  facts: Omit<BlockedLoop, 'blockedMs' | 'isOver'>;
  session: MainThreadSession | null;
  /** It did not answer in time: it was in native code. */
  wasSilent: boolean;
  /** Settles when nothing more will be found out; null while it has not been looked at. */
  seen: Promise<void> | null;
}

/** Finds out what blocks the loop, and reports it when it turns again. */
export class BlockWatch {
  readonly #config: ThreadConfig;
  readonly #heartbeat: Heartbeat;
  readonly #observer: LoopObserver;
  readonly #files: BlockFiles;
  readonly #report: (block: BlockedLoop) => void;
  #open: OpenBlock | null = null;
  #restUntilMs = 0;
  #isStopping = false;

  constructor(
    config: ThreadConfig,
    heartbeat: Heartbeat,
    observer: LoopObserver,
    files: BlockFiles,
    report: (block: BlockedLoop) => void,
  ) {
    this.#config = config;
    this.#heartbeat = heartbeat;
    this.#observer = observer;
    this.#files = files;
    this.#report = report;
  }

  /** From now on blocks are of the phase `stopping`. */
  stopping(): void {
    this.#isStopping = true;
  }

  /** Looks at the pulse. */
  look(): void {
    const change = this.#observer.look(monotonicMs(), this.#heartbeat.lastMs);
    if (change.kind === 'began') this.#begin(change.beatMs);
    if (change.kind === 'ended') void this.#end(change.blockedMs);
    this.#seeWhenRested();
    this.#writeWhenLonger();
  }

  /** The block as it is now, also one that is shorter than the threshold. */
  now(): BlockedLoop {
    const { facts } = this.#open ?? { facts: this.#newFacts() };
    return { ...facts, blockedMs: this.#lateMs(), isOver: false };
  }

  /** Whether the main thread was asked where it is and does not answer. */
  get isSilent(): boolean {
    return this.#open?.wasSilent === true && this.#open.session !== null;
  }

  /** Stops looking, so that somebody else can; what was found out stays. */
  async release(): Promise<void> {
    const open = this.#open;
    if (open === null) return;
    // A profile ends here, or it would hold up a deadline for as long as it was to take.
    open.over.abort();
    if (open.wasSilent) open.session?.close();
    // Who is in native code cannot be called either, and has lost nothing by this.
    const timer = setTimeout(() => open.session?.close(), NATIVE_AFTER_MS);
    open.seen ??= Promise.resolve();
    await open.seen;
    clearTimeout(timer);
  }

  /** What somebody else has found out about the present block. */
  addStack(stack: readonly StackFrame[]): void {
    if (this.#open !== null) this.#know(this.#open, { stack, stackPrecision: 'exact' });
  }

  #begin(beatMs: number): void {
    const open: OpenBlock = {
      beatMs,
      over: new AbortController(),
      isExcused: this.#heartbeat.isExcused,
      facts: this.#newFacts(),
      session: null,
      wasSilent: false,
      seen: null,
    };
    this.#open = open;
  }

  /** A block may begin while there is a rest after an earlier one: it is looked at later, if it lasts. */
  #seeWhenRested(): void {
    const open = this.#open;
    if (open === null || open.isExcused || open.seen !== null || this.#isOver(open)) return;
    if (monotonicMs() >= this.#restUntilMs) open.seen = this.#see(open);
  }

  /** A block that had no files at first, after another one, has them once it has become so long that it matters more. */
  #writeWhenLonger(): void {
    const open = this.#open;
    if (open === null || !this.#isKnown(open) || this.#isOver(open)) return;
    const block = this.now();
    if (this.#files.hasTurn(block)) this.#files.note(block);
    else if (this.#files.mayWrite(block)) this.#writeAll(open);
  }

  #isKnown({ facts }: OpenBlock): boolean {
    return facts.stack.length > 0 || facts.nativeState !== null;
  }

  #writeAll(open: OpenBlock): void {
    this.#addFiles(open, (block) => this.#files.writeText(block, null));
    this.#addFiles(open, (block) => this.#files.writeProfile(block));
  }

  async #end(blockedMs: number): Promise<void> {
    const open = this.#open;
    this.#open = null;
    if (open === null || open.isExcused) return;
    open.over.abort();
    const timer = setTimeout(() => open.session?.close(), LAST_ANSWER_MS);
    await open.seen;
    clearTimeout(timer);
    const block = { ...open.facts, blockedMs: Math.round(blockedMs), isOver: true };
    if (this.#files.hasTurn(block)) this.#files.note(block);
    this.#report(block);
  }

  async #see(open: OpenBlock): Promise<void> {
    const session = new MainThreadSession();
    open.session = session;
    const startedMs = monotonicMs();
    const answered = whenSilent(NATIVE_AFTER_MS, () => this.#noteSilence(open));
    const found = await session.interrupt({
      mayPause: !this.#heartbeat.isInspectable,
      isOver: () => this.#isOver(open),
    });
    answered();
    this.#rest(Math.min(monotonicMs() - startedMs, NATIVE_AFTER_MS));
    if (found.kind === 'debugged') this.#pardon(open);
    else await this.#seeMore(open, session, found);
    session.close();
    open.session = null;
  }

  async #seeMore(open: OpenBlock, session: MainThreadSession, found: Interruption): Promise<void> {
    if (found.kind === 'stack') this.#noteStack(open, found.stack);
    const isPausable = !this.#heartbeat.isInspectable;
    if (this.#isOver(open) || (isPausable && found.kind !== 'stack')) return;
    if (this.#config.profileMs === 0 || open.over.signal.aborted) return;
    const timer = setTimeout(() => open.over.abort(), this.#config.profileMs);
    const profile = await session.profile(this.#config.intervalMs, open.over.signal);
    clearTimeout(timer);
    // Before the file is there, whose reader may be the blocked loop itself: a process that ends while the session is open
    // makes Node print that it waits for a debugger.
    session.close();
    if (profile === null || (open.wasSilent && durationMs(profile) < LEAST_AFTER_NATIVE_MS)) return;
    this.#know(open, { profile });
    if (found.kind !== 'stack') this.#noteSample(open, hottestStack(profile));
    this.#addFiles(open, (block) => this.#files.writeProfile(block));
  }

  #noteStack(open: OpenBlock, stack: readonly StackFrame[]): void {
    const stackPrecision = open.wasSilent ? 'late' : 'exact';
    this.#know(open, { stack: toSourceStack(stack), stackPrecision });
    this.#addFiles(open, (block) => this.#files.writeText(block, null));
  }

  #noteSample(open: OpenBlock, stack: readonly StackFrame[]): void {
    if (stack.length > 0) this.#know(open, { stack, stackPrecision: 'sampled' });
    this.#addFiles(open, (block) => this.#files.writeText(block, null));
  }

  #noteSilence(open: OpenBlock): void {
    if (this.#isOver(open)) return;
    open.wasSilent = true;
    this.#know(open, { nativeState: nativeState() });
    this.#addFiles(open, (block) => this.#files.writeText(block, null));
  }

  /** The time at a breakpoint is no block; whether it still lasts is looked at again soon. */
  #pardon(open: OpenBlock): void {
    this.#observer.pardon(monotonicMs(), open.beatMs);
    this.#restUntilMs = 0;
    if (this.#open === open) this.#open = null;
  }

  #addFiles(open: OpenBlock, write: (block: BlockedLoop) => string[]): void {
    const isOver = this.#isOver(open);
    const untilMs = isOver ? this.#heartbeat.lastMs : monotonicMs();
    const blockedMs = Math.round(this.#observer.lateMs(untilMs, open.beatMs));
    const block = { ...open.facts, blockedMs, isOver };
    const written = write(block);
    this.#know(open, { files: [...open.facts.files, ...written] });
    // Files are written synchronously, and may take their time.
    this.#observer.skipGap(monotonicMs());
  }

  #know(open: OpenBlock, facts: Partial<OpenBlock['facts']>): void {
    open.facts = { ...open.facts, ...facts };
  }

  #newFacts(): OpenBlock['facts'] {
    const phase = this.#isStopping ? 'stopping' : 'running';
    return {
      at: Math.round(Date.now() - this.#lateMs()),
      phase: this.#heartbeat.hasTurned ? phase : 'starting',
      stack: [],
      stackPrecision: null,
      nativeState: null,
      profile: null,
      files: [],
    };
  }

  #lateMs(): number {
    return Math.round(this.#observer.lateMs(monotonicMs(), this.#heartbeat.lastMs));
  }

  #isOver(open: OpenBlock): boolean {
    return this.#heartbeat.lastMs !== open.beatMs;
  }

  #rest(costMs: number): void {
    this.#restUntilMs = monotonicMs() + Math.max(MIN_REST_MS, costMs * REST_FACTOR);
  }
}

function durationMs({ startTime, endTime }: CpuProfile): number {
  return (endTime - startTime) / 1000;
}
