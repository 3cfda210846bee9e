import type { GenerationEnd, RestartEnvironment } from '@lastcall/restart/handover';
import { formatDuration } from '../view/units';
import { describeEnd } from './exit-status';
import { isOfSession, type SessionProcess, sessionProcesses } from './session-processes';

/** How long what a process has started may take to end with it, or to say that it stops, in milliseconds. */
const MOMENT_MS = 100;

/** How long processes that a service has started may take when the service itself has ended, in milliseconds. */
const HELPERS_MS = 2000;

/** How long the kernel may take to end what is killed, in milliseconds. */
const KILLED_MS = 5000;

const POLL_MS = 20;

/** What is written of many processes. */
const MOST_NAMED = 5;

export interface LeftBehindParts {
  readonly environment: RestartEnvironment;
  readonly log: (text: string) => void;
  readonly killTimeoutMs: number;
  /** The process that was started, which leads a session. */
  readonly leader: number;
  /** Its program. */
  readonly program: string;
}

/** What is known of the end of the leader. */
export interface LeaderEnd {
  readonly end: GenerationEnd;
  /** Whether it had been sent a signal that asks to end. */
  readonly wasSignalled: boolean;
  /** Whether it was the service, and not a launcher of it. */
  readonly wasService: boolean;
  /** Whether the service, which it has launched, has said that it stops. */
  readonly hasSaidSo: boolean;
}

/**
 * What a process that has ended has left behind: a shell dies of a signal at once, without passing it on to the service that it
 * runs. Nothing of that stays: it is asked to end once, and killed when its time is over.
 */
export class LeftBehind {
  readonly #parts: LeftBehindParts;
  #isForced = false;

  constructor(parts: LeftBehindParts) {
    this.#parts = parts;
  }

  /** Passes a signal on to all of them. */
  send(signal: NodeJS.Signals): void {
    for (const { pid } of this.#list()) this.#parts.environment.kill(pid, signal);
  }

  /** They have no time any more. */
  forceEnd(): void {
    this.#isForced = true;
  }

  /** Resolves when all have ended, or cannot be ended. @returns whether some of them had to be killed */
  async clear(told: () => LeaderEnd): Promise<boolean> {
    // Many end with the one that has started them.
    if (await this.#areGoneAfter(MOMENT_MS)) return false;
    const leader = told();
    const { killTimeoutMs } = this.#parts;
    const ms = leader.wasService ? Math.min(HELPERS_MS, killTimeoutMs) : killTimeoutMs;
    this.#ask(leader, ms);
    if (await this.#areGoneAfter(ms / 2)) return false;
    if (mayKnow(leader) && !leader.hasSaidSo) this.send('SIGTERM');
    if (await this.#areGoneAfter(ms / 2)) return false;
    await this.#kill();
    return true;
  }

  /** A second signal would cut what is in flight: one that may have got the first from its launcher has time before that. */
  #ask(leader: LeaderEnd, ms: number): void {
    const all = this.#list();
    const spared = mayKnow(leader) ? all.filter(({ handlesTerm }) => handlesTerm !== false) : [];
    for (const one of all)
      if (!spared.includes(one)) this.#parts.environment.kill(one.pid, 'SIGTERM');
    if (this.#isForced || all.length === 0) return;
    const { log, program, leader: pid } = this.#parts;
    const who = `process ${pid} (${program}) has ended (${describeEnd(leader.end)}) before what it had started: ${nameAll(all)}`;
    const what = spared.length === 0 ? 'asked to end by SIGTERM' : whatOfSpared(leader, ms);
    const advice = leader.wasService
      ? ''
      : '; a launcher that ends with exec leaves nothing behind';
    log(
      `${who} ${oneOr(all, 'is', 'are')} ${what}, and killed after ${formatDuration(ms)}${advice}`,
    );
  }

  async #kill(): Promise<void> {
    const { log } = this.#parts;
    const all = this.#list();
    if (all.length > 0 && !this.#isForced)
      log(`${nameAll(all)} ${oneOr(all, 'has', 'have')} not ended in time: killed`);
    this.#isForced = true;
    this.send('SIGKILL');
    const deadline = performance.now() + KILLED_MS;
    while (this.#list().length > 0 && performance.now() < deadline) {
      await after(POLL_MS);
      // What they have started in the meantime.
      this.send('SIGKILL');
    }
    const left = this.#list();
    if (left.length > 0) log(`${nameAll(left)} cannot be killed`);
  }

  /** Waits until all have ended, `ms` are over, or there is no time any more. */
  async #areGoneAfter(ms: number): Promise<boolean> {
    const { environment, leader } = this.#parts;
    const deadline = performance.now() + ms;
    for (;;) {
      const all = this.#list();
      if (all.length === 0) return true;
      while (all.some(({ pid }) => isOfSession(environment, pid, leader))) {
        if (this.#isForced || performance.now() >= deadline) return false;
        await after(POLL_MS);
      }
    }
  }

  #list(): readonly SessionProcess[] {
    return sessionProcesses(this.#parts.environment, this.#parts.leader);
  }
}

/** One that dies of a signal has not passed it on; one that handles it may have. */
function mayKnow({ end, wasSignalled, hasSaidSo }: LeaderEnd): boolean {
  return hasSaidSo || (wasSignalled && end.signal === null);
}

function whatOfSpared({ hasSaidSo }: LeaderEnd, ms: number): string {
  if (hasSaidSo) return 'about to end';
  return `given time, as it may have passed the signal on, asked to end after ${formatDuration(ms / 2)}`;
}

function nameAll(all: readonly SessionProcess[]): string {
  const named = all.slice(0, MOST_NAMED).map(({ pid, program }) => `${Math.abs(pid)} (${program})`);
  const more = all.length > MOST_NAMED ? ` and ${all.length - MOST_NAMED} more` : '';
  return `${oneOr(all, 'process', 'processes')} ${named.join(', ')}${more}`;
}

function oneOr(of: readonly unknown[], one: string, several: string): string {
  return of.length === 1 ? one : several;
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
