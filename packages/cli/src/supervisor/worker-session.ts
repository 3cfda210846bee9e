import { basename } from 'node:path';
import type {
  GenerationEnd,
  GenerationProcess,
  RestartEnvironment,
} from '@lastcall/restart/handover';
import { signalFor } from './launcher';
import { LeftBehind } from './left-behind';
import type { RunSettings } from './run-settings';

export interface WorkerSessionParts {
  readonly environment: RestartEnvironment;
  readonly settings: RunSettings;
  readonly log: (text: string) => void;
}

/** What the service has said over the channel. */
export interface ServiceWords {
  readonly isAware: boolean;
  readonly hasSaidThatItStops: boolean;
}

/** The processes of one worker: the one that was started leads a session, and goes with all that it has started. */
export class WorkerSession {
  readonly #process: GenerationProcess;
  readonly #parts: WorkerSessionParts;
  readonly #leftBehind: LeftBehind;
  #wasSignalled = false;

  constructor(process: GenerationProcess, parts: WorkerSessionParts) {
    this.#process = process;
    this.#parts = parts;
    const { environment, log, settings } = parts;
    const { command, killTimeoutMs } = settings;
    const program = basename(command[0]);
    const leader = process.pid;
    this.#leftBehind = new LeftBehind({ environment, log, killTimeoutMs, leader, program });
  }

  /** To the leader; once that has ended, to all that it has left. */
  send(signal: NodeJS.Signals, asksToEnd: boolean): void {
    if (this.#process.end !== null) {
      this.#leftBehind.send(signal);
      return;
    }
    const { environment, settings } = this.#parts;
    this.#wasSignalled ||= asksToEnd;
    const { pid } = this.#process;
    this.#process.kill(asksToEnd ? signalFor(environment, pid, settings.command, signal) : signal);
  }

  /** Once the leader has ended: resolves when nothing of the session is left. @returns whether the service had to be killed */
  async clear(end: GenerationEnd, words: () => ServiceWords): Promise<boolean> {
    const wasService = words().isAware && !this.#process.channel.isOpen;
    const wasKilled = await this.#leftBehind.clear(() => ({
      end,
      wasSignalled: this.#wasSignalled,
      wasService,
      hasSaidSo: words().hasSaidThatItStops,
    }));
    return wasKilled && !wasService;
  }

  /** They have not ended within `ms`. */
  forceEnd(ms: number): void {
    const { environment, log } = this.#parts;
    const { pid, end } = this.#process;
    const who = end === null ? `process ${pid}` : `what process ${pid} has left`;
    log(`${who} has not ended within ${ms} ms (--kill-timeout): it is killed`);
    this.#leftBehind.forceEnd();
    if (end === null) environment.kill(-pid, 'SIGKILL');
  }
}
