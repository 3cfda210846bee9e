import { AwaitedWork } from './awaited-work';
import type { Remover } from './environment';
import type { HammerEvent, LifecycleEvent } from './events';
import { type ForcedEnd, forcedEnd, forceQuitEvent } from './force-quit-event';
import { Hammer } from './hammer';
import { holdTimeMs, warnIfNotDrained } from './hold';
import type { StopProgress } from './lifecycle-status';
import { ListenerRun, type RunHost } from './listener-run';
import type { OpenWork } from './open-work';
import { PhaseLog } from './phase-log';
import type { Entry } from './registration';
import type { Registry } from './registry';
import type { Report } from './report';
import type { Settings } from './settings';
import { STAGES, type Stage, stageRank } from './stages';
import type { StopHost } from './stop-host';
import { createOutcome, type StopCause } from './stop-outcome';
import { StopTimers } from './stop-timers';
import { WaitGraph } from './wait-graph';

/**
 * One stop of a process, from its cause to its outcome: the timeline of the design, all times measured from the cause.
 *
 * Invariants: each listener is called at most once; phases advance when their listeners have settled, at the latest at
 * their time; the ref'd timer of `waitTimeMs` runs until the outcome is known, so that an emptied event loop cannot end
 * the process in between.
 */
export class Stop implements RunHost {
  readonly settings: Settings;
  readonly waitGraph: WaitGraph = new WaitGraph();
  /** Resolves once, when everything has settled or the stop was forced. Never rejects. */
  readonly report: Promise<Report>;

  readonly #host: StopHost;
  readonly #hammer = new Hammer();
  readonly #startedAt: number;
  readonly #startedAtWall: number;
  readonly #runs: ListenerRun[] = [];
  readonly #phases = new PhaseLog();
  readonly #timers: StopTimers;
  readonly #work = new AwaitedWork();
  #position = -1;
  #cause: StopCause;
  #hammerMs: number | null = null;
  #durationMs = 0;
  #isOver = false;
  #forcedEnd: ForcedEnd | undefined;
  /** The end is near: nothing new is called. */
  #isForced = false;
  /** Whether the listeners that run had a turn of the event loop since their signals have aborted. */
  #hadTurnToCut = false;
  #resolve!: (report: Report) => void;

  constructor(host: StopHost, cause: StopCause) {
    this.#host = host;
    this.#cause = cause;
    this.settings = host.settings;
    this.#timers = new StopTimers(host.environment);
    this.#startedAt = host.environment.now();
    this.#startedAtWall = host.environment.wallClock();
    this.report = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get hammerSignal(): AbortSignal {
    return this.#hammer.signal;
  }

  get cause(): StopCause {
    return this.#cause;
  }

  /** Milliseconds since the stop began, in whole numbers. */
  elapsedMs(): number {
    return Math.round(this.#host.environment.now() - this.#startedAt);
  }

  wallClock(): number {
    return this.#host.environment.wallClock();
  }

  /** When the hammer falls, in milliseconds since the epoch. */
  hammerAt(): number {
    return this.#startedAtWall + (this.#hammerMs ?? this.settings.hammerTimeMs);
  }

  isObserved(type: LifecycleEvent['type']): boolean {
    return this.#host.isObserved(type);
  }

  emit(event: LifecycleEvent): void {
    this.#host.emit(event);
  }

  onHammer(fn: () => void): Remover {
    return this.#hammer.onFall(fn);
  }

  /** How far the stop is. */
  progress(): StopProgress {
    const stage = this.#isOver ? null : (STAGES[this.#position] ?? null);
    return {
      stage,
      elapsedMs: this.#isOver ? this.#durationMs : this.elapsedMs(),
      hammerMs: this.#hammerMs,
      phases: this.#phases.over,
      listeners: this.#runs.map((run) => run.toStatus()),
    };
  }

  /** A timer that ends with the stop. */
  setTimer(fn: () => void, delayMs: number): Remover {
    return this.#timers.set(fn, delayMs);
  }

  /** Starts the timeline. */
  begin(): void {
    this.setTimer(() => this.forceQuit('waitTimeMs'), this.settings.waitTimeMs);
    this.setTimer(() => this.hammer('hammerTimeMs'), this.settings.hammerTimeMs);
    void this.#runTimeline();
  }

  /** The process got a signal, or an error that nothing caught, after the stop had begun for another reason. */
  amendCause(change: Partial<StopCause>): void {
    this.#cause = { ...this.#cause, ...change };
  }

  /** Aborts the signal of every listener, running and later. Falls once. */
  hammer(cause: HammerEvent['cause']): void {
    if (this.#isOver || this.#hammerMs !== null) return;
    this.#hammerMs = this.elapsedMs();
    this.emit({ type: 'hammer', cause, atMs: this.#hammerMs, pending: this.#pendingNames() });
    const why =
      cause === 'hammerTimeMs'
        ? `hammerTimeMs (${this.settings.hammerTimeMs}) is over`
        : `asked for by ${cause}`;
    this.#cut(`the hammer fell: ${why}; cut what is in flight`);
  }

  /**
   * Ends the stop; what has not settled, or has not been called, is `late`. Where the listeners that run have had no time to
   * obey their signals (a second signal, or a process that was suspended beyond `waitTimeMs`) they get one turn before.
   *
   * @param atOnce - Before this returns, as nothing asynchronous will happen any more.
   */
  forceQuit(cause: NonNullable<Report['forced']>, atOnce: boolean = cause === 'exit'): void {
    if (this.#isOver) return;
    const isFirst = !this.#isForced;
    // First: a handler of the events below may call process.exit(), and then it is here again.
    this.#isForced = true;
    if (isFirst) this.#host.onForced();
    this.#forcedEnd ??= forcedEnd(this.#host, this.elapsedMs(), this.#pendingNames());
    if (isFirst && cause === 'waitTimeMs') this.hammer('hammerTimeMs');
    if (isFirst) this.emit(forceQuitEvent(this.#host, cause, this.#forcedEnd));
    if (atOnce || (cause === 'waitTimeMs' && this.#hadTurnToCut)) this.#end(cause);
    else if (isFirst) this.#cutAndEnd(cause);
  }

  /** Does what timers would have done if the event loop had not been blocked. Returns whether the time is over. */
  catchUp(): boolean {
    const elapsedMs = this.elapsedMs();
    const isOver = elapsedMs >= this.settings.waitTimeMs;
    if (isOver) this.forceQuit('waitTimeMs');
    else if (elapsedMs >= this.settings.hammerTimeMs) this.hammer('hammerTimeMs');
    return isOver;
  }

  /** Takes in a listener that was registered during the stop; one whose time has come or gone is run at once. */
  admit(entry: Entry, registry: Registry): void {
    registry.add(entry);
    if (stageRank(entry.stage) > this.#position) return;
    // In the next turn: the caller has its registration by then, and an endless chain of late listeners cannot
    // keep the timers from firing.
    const open = this.#work.current;
    open.add();
    void this.#host.environment.nextTurn().then(() => {
      if (registry.takeOne(entry)) this.#run(entry, open);
      open.remove();
    });
  }

  async #runTimeline(): Promise<void> {
    await this.#wrapUp();
    if (this.#isForced) return;
    this.#host.onPhase('shutting-down', 0);
    for (const stage of STAGES) {
      await this.#runStage(stage);
      if (this.#isForced) return;
    }
    await this.#work.allSettled();
    if (!this.#isForced) this.#end(null);
  }

  async #wrapUp(): Promise<void> {
    this.#phases.begin('wrap-up', 0);
    const { wrapUpTimeMs } = this.settings;
    const holdMs = holdTimeMs(this.settings, this.#cause.signal, this.#host.environment);
    this.#host.onPhase('wrapping-up', holdMs);
    const { environment, shutdowns } = this.#host;
    warnIfNotDrained(environment, shutdowns, (error) => this.emit({ type: 'warning', error }));
    for (const entry of this.#host.wrapUps.take(undefined)) this.#run(entry, this.#work.current);
    const [over, cancel] = this.#timers.wait(wrapUpTimeMs - this.elapsedMs());
    await Promise.race(
      holdMs > 0 ? [over, this.#hammer.hasFallen()] : [over, this.#work.current.whenEmpty()],
    );
    cancel();
    if (this.#isForced) return;
    for (const run of this.#runs) run.giveUp();
    this.#work.dropCurrent();
    this.#phases.end(this.elapsedMs());
  }

  async #runStage(stage: Stage): Promise<void> {
    this.#phases.begin(stage, this.elapsedMs());
    this.#position = stageRank(stage);
    for (const entry of this.#host.shutdowns.take(stage)) this.#run(entry, this.#work.current);
    await this.#settleOrGiveUp();
    this.#phases.end(this.elapsedMs());
  }

  /**
   * Waits until the stage has settled. After the hammer a stage gets an equal share of the time that is left, so that a
   * listener that ignores its AbortSignal does not keep the later stages from running.
   */
  async #settleOrGiveUp(): Promise<void> {
    let cancel: Remover = () => {};
    const givenUp = this.#hammer.hasFallen().then(() => {
      const stagesLeft = STAGES.length - this.#position;
      const [over, remove] = this.#timers.wait(
        (this.settings.waitTimeMs - this.elapsedMs()) / (stagesLeft + 1),
      );
      cancel = remove;
      return over;
    });
    await Promise.race([this.#work.current.whenEmpty(), givenUp]);
    cancel();
    this.#work.leaveCurrent();
  }

  #run(entry: Entry, open: OpenWork): void {
    open.add();
    const run = new ListenerRun(entry, this, () => open.remove());
    // First known, then called: it may block the event loop beyond the end of the stop.
    this.#runs.push(run);
    run.start();
  }

  #cut(message: string): void {
    this.#hammer.fall(message);
    void this.#host.environment.nextTurn().then(() => {
      this.#hadTurnToCut = true;
    });
  }

  /** One turn of the event loop for the listeners that run: to cut what is in flight, and to say what that was. */
  #cutAndEnd(cause: NonNullable<Report['forced']>): void {
    if (cause === 'signal')
      this.#hammer.fall('a second signal ends the process; cut what is in flight');
    void this.#host.environment.nextTurn().then(() => {
      if (!this.#isOver) this.#end(cause);
    });
  }

  #pendingNames(): string[] {
    return this.#runs.filter((run) => run.isPending).map((run) => run.entry.name);
  }

  #end(forced: Report['forced']): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isForced = true;
    this.#durationMs = this.elapsedMs();
    this.#phases.end(this.#durationMs);
    for (const run of this.#runs) run.giveUp();
    const { wrapUps, shutdowns } = this.#host;
    this.#timers.removeAll();
    this.waitGraph.end();
    const outcome = createOutcome({
      pid: this.#host.environment.pid,
      cause: this.#cause,
      startedAtWall: this.#startedAtWall,
      durationMs: this.#durationMs,
      hammerMs: this.#hammerMs,
      forced,
      phases: this.#phases.over,
      runs: this.#runs,
      notCalled: [...wrapUps.takeAll(), ...shutdowns.takeAll()],
      forcedEnd: this.#forcedEnd,
      settings: this.settings,
    });
    this.#resolve(this.#host.conclude(outcome));
  }
}
