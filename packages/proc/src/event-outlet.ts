import { EventEmitter } from 'eventemitter3';
import type { Environment } from './environment';
import type { LifecycleEvent, LifecycleEventMap, LifecycleEvents } from './events';
import { LastcallError, toError } from './lastcall-error';
import { renderEvent } from './render-event';
import type { Logger } from './settings';

/** One that comes again and again must not fill the report. */
const MOST_WARNINGS = 100;

/** Where the events of a lifecycle go: to its logger and to the handlers of `proc.events`. */
export class EventOutlet {
  readonly events: LifecycleEvents = new EventEmitter<LifecycleEventMap>();
  readonly #environment: Environment;
  readonly #logger: () => Logger;
  #warnings: LastcallError[] | null = null;

  constructor(environment: Environment, logger: () => Logger) {
    this.#environment = environment;
    this.#logger = logger;
  }

  /** Whether anybody sees events of this type. */
  isObserved(type: LifecycleEvent['type']): boolean {
    return this.#logger() !== false || this.events.listenerCount(type) > 0;
  }

  /** The warnings since {@link keepWarnings}, the first of them. */
  get warnings(): readonly LastcallError[] {
    return this.#warnings ?? [];
  }

  /** A stop begins: its report tells what was warned of meanwhile. */
  keepWarnings(): void {
    this.#warnings = [];
  }

  emit(event: LifecycleEvent): void {
    if (event.type === 'warning' && this.warnings.length < MOST_WARNINGS)
      this.#warnings?.push(event.error);
    this.#guard(event, () => renderEvent(this.#logger(), event, this.#environment));
    this.#guard(event, () => this.events.emit(event.type, event as never));
  }

  /** What a logger or an event handler throws, or a logger rejects with, must not reach the stop. */
  #guard(event: LifecycleEvent, fn: () => unknown): void {
    try {
      const result = fn();
      if (result instanceof Promise) result.catch((thrown: unknown) => this.#report(event, thrown));
    } catch (thrown) {
      this.#report(event, thrown);
    }
  }

  #report({ type }: LifecycleEvent, thrown: unknown): void {
    const cause = toError(thrown);
    const message = `a logger or handler of the event '${type}' threw: ${cause.message}; the stop goes on`;
    this.#environment.warn(new LastcallError('LASTCALL_EVENT_HANDLER_FAILED', message, { cause }));
  }
}
