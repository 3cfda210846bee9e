import type { AcceptedSockets, Activities } from '../activities/activities';
import { plainActivity } from '../activities/plain-activity';
import type { AwaitSites, AwaitSitesOptions } from '../await-sites/await-sites';
import type { DiagnosticsEnvironment } from '../diagnostics/diagnostics-environment';
import type { Environment } from '../environment';
import type { LifecycleEvent } from '../events';
import { LastcallError, toError } from '../lastcall-error';
import type { Lifecycle } from '../lifecycle';
import type { LifecycleStatus } from '../status';
import { countEach } from '../stop-outcome';
import { assertDumpOptions } from './assert-dump-options';
import type { DumpOptions, DumpResult } from './dump';
import { DUMP_SCHEMA, type DumpDocument, type WatchdogRecord } from './dump-document';
import { formatDump } from './format-dump';
import { listHandles } from './list-handles';
import { type SortedHandles, sortHandles } from './sort-handles';

/** What a dump is about, and where it goes. */
export interface DumpHost {
  readonly lifecycle: Pick<Lifecycle, 'onShutdown' | 'status'>;
  readonly environment: Environment;
  readonly diagnostics: DiagnosticsEnvironment;
  readonly activities: Activities;
  /** What the service is called. */
  name(): string;
  /** The directory that was asked for. */
  dir(): string | undefined;
  watchdog(): WatchdogRecord | null;
  isProfiling(): boolean;
  /** Tells the watchdog that the pauses from now on are the dump's; until what is returned is called. */
  excuse(): () => void;
  emit(event: LifecycleEvent): void;
}

/** For how long the event loop is watched for its delay. */
const WATCH_MS = 100;

/** The longest pause that is taken without being asked for while a stop is under way: its clients wait. */
const STOPPING_PAUSE_MS = 1000;

/** What it takes to write a dump, so that it is there when the process ends. */
const WRITE_MS = 100;

/** A second signal within this time asks for what the first one left out. */
const INSIST_MS = 10_000;

/** How the default of `howToInsist` reads. */
const HOW_TO_INSIST =
  "send the signal again within 10 s or ask with awaits: 'always' (lastcall dump --awaits always)";

/** More activities than anybody reads. */
const MOST_ACTIVITIES = 50;

const MOST_GROUPS = 100;
const MOST_HANDLES = 400;

/** Longest text that goes to stderr where no file can be written. */
const STDERR_BYTES = 64 * 1024;

/** The options of a dump, with their defaults. */
type CompleteOptions = { readonly [K in keyof DumpOptions]-?: Exclude<DumpOptions[K], undefined> };

/** A dump without what takes its time. */
type Base = Omit<DumpDocument, 'time' | 'loop' | 'awaits' | 'stats'> & {
  /** Milliseconds since the epoch. Made a text with the rest of the dump: for the first one V8 takes a millisecond. */
  readonly at: number;
  readonly stats: Omit<DumpDocument['stats'], 'tookMs'>;
};

/** Makes the dumps of one lifecycle, one at a time: callers that come while one is made share it. */
export class Dumper {
  readonly #host: DumpHost;
  readonly #running = new Map<string, Promise<DumpResult>>();
  #seq = 0;
  /** When a dump that a signal asked for left something out to spare the process. */
  #heldBackAt = Number.NEGATIVE_INFINITY;

  constructor(host: DumpHost) {
    this.#host = host;
  }

  /** @throws LastcallError `LASTCALL_BAD_OPTION` */
  dump(options: DumpOptions): Promise<DumpResult> {
    assertDumpOptions(options);
    const { awaits = 'auto', howToInsist = HOW_TO_INSIST, write = true } = options;
    const key = `${awaits} ${write}`;
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const { reason = 'call' } = options;
    const dump = this.#make({ reason, awaits, howToInsist, write }).finally(() =>
      this.#running.delete(key),
    );
    this.#running.set(key, dump);
    this.#endWithProcess(dump);
    return dump;
  }

  /** A process that stops waits for it: who asks at such a moment wants to have it. */
  #endWithProcess(dump: Promise<DumpResult>): void {
    const settled = dump.then(noop, noop);
    const registration = this.#host.lifecycle.onShutdown(() => settled, {
      name: 'dump',
      stage: 'telemetry',
    });
    void settled.then(() => registration.remove());
  }

  /** What a signal asks for; the second one soon after insists on the await sites. Never rejects. */
  async onSignal(signal: NodeJS.Signals): Promise<void> {
    this.#host.emit({ type: 'signal', signal, action: 'dump' });
    const { environment } = this.#host;
    const insists = environment.now() - this.#heldBackAt < INSIST_MS;
    try {
      const { json } = await this.dump({ reason: signal, awaits: insists ? 'always' : 'auto' });
      this.#heldBackAt = json.awaits.heldBack ? environment.now() : Number.NEGATIVE_INFINITY;
    } catch (thrown) {
      const cause = toError(thrown);
      const message = `the dump asked for by ${signal} failed: ${cause.message}`;
      this.#warn(new LastcallError('LASTCALL_DUMP_FAILED', message, { cause }));
    }
  }

  async #make(options: CompleteOptions): Promise<DumpResult> {
    const { environment, diagnostics } = this.#host;
    const startedAt = environment.now();
    const { at, ...base } = await this.#base(options.reason);
    const loop = await diagnostics.loop(WATCH_MS);
    // Until all is written: a block that comes right after is the program's.
    const endExcuse = this.#host.excuse();
    const { text, json, files, tookMs } = await this.#complete(
      { ...base, time: new Date(at).toISOString(), loop },
      startedAt,
      options,
    ).finally(endExcuse);
    const { reason, seq } = json;
    this.#host.emit({
      type: 'dump',
      reason,
      seq,
      files,
      tookMs,
      pauseMs: json.awaits.stats.pauseMs,
    });
    return { text, json, files, toString: () => text };
  }

  async #complete(
    base: Omit<DumpDocument, 'awaits' | 'stats'> & { readonly stats: Base['stats'] },
    startedAt: number,
    { awaits: wish, howToInsist, write }: CompleteOptions,
  ) {
    const awaits = withAdvice(await this.#awaits(wish), howToInsist);
    const tookMs = this.#host.environment.now() - startedAt;
    const json: DumpDocument = { ...base, awaits, stats: { ...base.stats, tookMs } };
    const text = formatDump(json);
    return { text, json, files: write ? this.#write(text, json) : [], tookMs };
  }

  /**
   * What is always there, within milliseconds. Where there are 10,000 sockets each look at them costs some of them: the
   * process gets its turn in between.
   */
  async #base(reason: string): Promise<Base> {
    const { environment, diagnostics } = this.#host;
    const pauses: number[] = [];
    const measure = <T>(part: () => T): T => {
      const startedAt = environment.now();
      const result = part();
      pauses.push(environment.now() - startedAt);
      return result;
    };
    const general = measure(() => this.#general(reason));
    const open = measure(() => diagnostics.handles());
    await environment.nextTurn();
    const sorted = measure(() => sortHandles(open as readonly { readonly server?: unknown }[]));
    const { warnings, ...activities } = measure(() => this.#activities(sorted.accepted));
    await environment.nextTurn();
    const keepsAlive = measure(() => countEach(environment.activeResources(sorted.others)));
    const handles = measure(() => describeHandles(open, sorted));
    const baseMs = pauses.reduce((sum, ms) => sum + ms, 0);
    const stats = { baseMs, basePauseMs: Math.max(...pauses) };
    return { ...general, activities, handles, keepsAlive, warnings, stats };
  }

  #general(reason: string) {
    const { environment, diagnostics } = this.#host;
    return {
      schema: DUMP_SCHEMA,
      seq: ++this.#seq,
      reason,
      at: environment.wallClock(),
      process: diagnostics.process(this.#host.name()),
      lifecycle: this.#host.lifecycle.status(),
      memory: diagnostics.memory(),
      watchdog: this.#host.watchdog(),
      profiling: this.#host.isProfiling(),
    } as const;
  }

  #activities(
    accepted: AcceptedSockets,
  ): DumpDocument['activities'] & Pick<DumpDocument, 'warnings'> {
    const { counts, activities, errors } = this.#host.activities.list(MOST_ACTIVITIES, accepted);
    const warnings = errors.map((error) => error.message);
    return { counts, oldest: activities.map(plainActivity), warnings };
  }

  async #awaits(wish: CompleteOptions['awaits']): Promise<AwaitSites> {
    if (wish === 'never') return notLookedFor('not asked for');
    const { diagnostics } = this.#host;
    const roomMs = roomIn(this.#host.lifecycle.status());
    return await diagnostics.findAwaitSites({
      force: wish === 'always',
      ...(roomMs === null ? {} : limitsIn(roomMs)),
    });
  }

  #write(text: string, json: DumpDocument): string[] {
    const { diagnostics, environment } = this.#host;
    const at = Date.parse(json.time);
    const written: string[] = [];
    try {
      const files = diagnostics.dumpFiles({ dir: this.#host.dir(), name: this.#host.name() });
      written.push(files.write('dump', 'txt', text, at).path);
      written.push(files.write('dump', 'json', `${JSON.stringify(json, undefined, 1)}\n`, at).path);
    } catch (thrown) {
      this.#warn(thrown as LastcallError);
      if (written.length === 0) environment.writeError(bounded(text));
    }
    return written;
  }

  #warn(error: LastcallError): void {
    this.#host.emit({ type: 'warning', error });
  }
}

const noop = (): void => {};

/** Whoever reads that something was left out is told how to have it. */
function withAdvice(sites: AwaitSites, howToInsist: string): AwaitSites {
  if (!sites.heldBack) return sites;
  return { ...sites, reason: `${sites.reason}; to have it anyway, ${howToInsist}` };
}

/** How many milliseconds a stop leaves until its next deadline, the hammer or the end; null while none is under way. */
function roomIn({ stoppingMs, hammerMs, settings }: LifecycleStatus): number | null {
  if (stoppingMs === null) return null;
  const deadlineMs = hammerMs === null ? settings.hammerTimeMs : settings.waitTimeMs;
  return Math.max(0, deadlineMs - stoppingMs - WRITE_MS);
}

/** A dump must not be why a deadline of the stop is missed. The estimate of the pause may be half of what it comes to. */
function limitsIn(roomMs: number): AwaitSitesOptions {
  return { maxPauseMs: Math.min(STOPPING_PAUSE_MS, Math.floor(roomMs / 2)), deadlineMs: roomMs };
}

function describeHandles(
  handles: readonly unknown[],
  sorted: SortedHandles<unknown>,
): DumpDocument['handles'] {
  const { list, groups } = listHandles(handles, sorted);
  return {
    groups: groups.slice(0, MOST_GROUPS),
    list: list.slice(0, MOST_HANDLES),
    total: handles.length,
  };
}

function notLookedFor(reason: string): AwaitSites {
  return {
    status: 'skipped',
    reason,
    heldBack: false,
    counted: 'functions',
    suspended: 0,
    groups: [],
    omittedGroups: 0,
    resources: [],
    listeners: [],
    stats: { heapNodes: null, estimatedPauseMs: 0, pauseMs: 0, tookMs: 0 },
  };
}

function bounded(text: string): string {
  if (text.length <= STDERR_BYTES) return text;
  return `${text.slice(0, STDERR_BYTES)}\n=== cut after ${STDERR_BYTES} characters: no file could be written ===\n`;
}
