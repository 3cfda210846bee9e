import { LastcallError, toError } from '@lastcall/proc';
import type { Remover, RestartEnvironment } from '../restart-environment';
import type { NotifySender, RestartSettings } from '../settings';
import { createFfiSender } from './ffi-sender';
import { createHelperSender } from './helper-sender';

/** How long the last word before the end of this process may take, in milliseconds. */
const URGENT_MS = 2000;

/** What the notifier needs. */
export interface NotifierParts {
  readonly environment: RestartEnvironment;
  readonly settings: () => RestartSettings;
  readonly warn: (error: LastcallError) => void;
}

/**
 * Tells systemd what the service does, one datagram after the other.
 *
 * The rules come from systemd's own source (`src/core/service.c`): only the main process is listened to by default, so it is
 * the old one that names its successor (`MAINPID`), and not before there is no way back, as the end of the main process is
 * the end of the unit; a draining old process must not say `STOPPING`, which would stop the unit with its successor; a failed
 * reload cannot be told but as `READY` with a status.
 */
export class SystemdNotifier {
  readonly #parts: NotifierParts;
  #sender: NotifySender | null | undefined;
  #queue: Promise<void> = Promise.resolve();
  #hasWarned = false;
  #stopWatchdog: Remover = () => {};
  /** Somebody else is the main process by now, or is not yet this one. */
  #isMain = true;

  constructor(parts: NotifierParts) {
    this.#parts = parts;
  }

  /** Whether systemd asked to be told; an empty variable is none. */
  get isTold(): boolean {
    const { environment, settings } = this.#parts;
    return (environment.env('NOTIFY_SOCKET') ?? '') !== '' && settings().notify !== 'off';
  }

  /** A supervisor, or the former generation, is the main process for now. */
  leaveToParent(): void {
    this.#isMain = false;
  }

  /** This process is the main one from now on. */
  lead(): void {
    this.#isMain = true;
    this.#startWatchdog();
  }

  /** The start lasts up to `atMostMs` longer. */
  starting(atMostMs: number, why: string): void {
    this.#send([`EXTEND_TIMEOUT_USEC=${micros(atMostMs)}`, `STATUS=${oneLine(why)}`]);
  }

  /** This process serves. */
  ready(generation: number, status = `generation ${generation} serves`): void {
    if (!this.#isMain) return;
    const { pid } = this.#parts.environment;
    this.#send(['READY=1', `MAINPID=${pid}`, `STATUS=${oneLine(status)}`]);
    this.#startWatchdog();
  }

  /** An upgrade has begun, which may take `atMostMs`. */
  reloading(atMostMs: number): void {
    const { environment } = this.#parts;
    this.#send([
      'RELOADING=1',
      `MONOTONIC_USEC=${environment.monotonicMicros()}`,
      `EXTEND_TIMEOUT_USEC=${micros(atMostMs)}`,
      'STATUS=upgrading',
    ]);
  }

  /** The upgrade failed. */
  reloadFailed({ code, message }: LastcallError): void {
    const why = message.replace(/^the upgrade failed[,:] /, '');
    this.#send(['READY=1', `STATUS=${oneLine(`upgrade failed: ${code}: ${why}`)}`]);
  }

  /** An upgrade was asked for, and none begins: whoever has systemd reload would wait for one until its time is over. */
  reloadRefused(error: LastcallError): void {
    this.#send(['RELOADING=1', `MONOTONIC_USEC=${this.#parts.environment.monotonicMicros()}`]);
    this.reloadFailed(error);
  }

  /** Process `pid` is the main one from now on. Resolves when systemd has been told, or cannot be in time. */
  async replacedBy(pid: number): Promise<void> {
    const { environment } = this.#parts;
    this.#send(['READY=1', `MAINPID=${pid}`, `STATUS=process ${pid} has taken over`]);
    this.#isMain = false;
    let cancel: Remover = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = environment.setTimer(resolve, URGENT_MS);
    });
    await Promise.race([this.#queue, late]);
    cancel();
    this.#stopWatchdog();
  }

  /** The service stops, which may take `atMostMs`. */
  stopping(atMostMs: number): void {
    this.#send(['STOPPING=1', `EXTEND_TIMEOUT_USEC=${micros(atMostMs)}`, 'STATUS=stopping']);
  }

  /** Resolves when all that was said is out. */
  async flushed(): Promise<void> {
    await this.#queue;
  }

  #send(lines: readonly string[]): void {
    if (!this.#isMain || !this.isTold) return;
    const datagram = lines.join('\n');
    this.#queue = this.#queue.then(async () => {
      try {
        await this.#findSender()(datagram);
      } catch (thrown) {
        this.#warnOnce(toError(thrown));
      }
    });
  }

  #findSender(): NotifySender {
    const { environment, settings } = this.#parts;
    const { notify } = settings();
    if (typeof notify === 'function') return notify;
    const path = environment.env('NOTIFY_SOCKET') ?? '';
    return (this.#sender ??= createFfiSender(path) ?? createHelperSender(environment, path));
  }

  /** Half of what systemd allows, as it recommends. */
  #startWatchdog(): void {
    const { environment } = this.#parts;
    const allowed = Number(environment.env('WATCHDOG_USEC'));
    const pid = environment.env('WATCHDOG_PID');
    const isMeant = pid === undefined || pid === String(environment.pid);
    if (!(allowed > 0) || !isMeant || !this.isTold) return;
    this.#stopWatchdog();
    this.#stopWatchdog = environment.setTicker(() => this.#send(['WATCHDOG=1']), allowed / 2000);
  }

  #warnOnce(cause: Error): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const message = `systemd could not be told: ${cause.message}; ${this.#adviceFor(cause)}`;
    this.#parts.warn(new LastcallError('LASTCALL_NOTIFY_FAILED', message, { cause }));
  }

  #adviceFor({ code }: NodeJS.ErrnoException): string {
    const { environment, settings } = this.#parts;
    if (typeof settings().notify === 'function')
      return 'the function given as restart.setup({ notify }) says so';
    if (code === 'ENOENT')
      return 'install systemd-notify, or give restart.setup({ notify }) a function that sends the datagram';
    return `does anybody listen on NOTIFY_SOCKET, ${environment.env('NOTIFY_SOCKET')}? Where not, set LASTCALL_NOTIFY=off`;
  }
}

/** What is shown of a status; a datagram has room for 4096 bytes. */
const MOST_CHARACTERS = 500;

/** A line end would begin another field. */
function oneLine(text: string): string {
  const characters = [...text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')];
  return characters.length <= MOST_CHARACTERS
    ? characters.join('')
    : `${characters.slice(0, MOST_CHARACTERS - 1).join('')}…`;
}

function micros(ms: number): number {
  return Math.round(ms * 1000);
}
