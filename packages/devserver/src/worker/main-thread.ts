import type { Answers, HealthSnapshot, Question, StatusSnapshot } from '../protocol';
import { HttpError } from './http-error';

/** How long the main thread may take to answer before it counts as blocked, in milliseconds. */
export const ANSWER_DEADLINE_MS = 250;

/** Whether the main thread answers. */
export interface MainThreadState {
  readonly responsive: boolean;
  /** Since when the oldest question waits, in milliseconds; 0 when it answers. */
  readonly blockedMs: number;
}

interface OpenQuestion {
  readonly id: number;
  readonly askedAt: number;
  /** A dump takes its time: its silence says nothing. */
  readonly isQuick: boolean;
  readonly answer: Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * The main thread as the worker sees it: questions with deadlines, and the last answers.
 *
 * One question of a kind is open at a time, and shared by all who ask it: a blocked main thread finds no queue when it
 * is free again.
 */
export class MainThread {
  readonly #send: (id: number, question: Question) => void;
  readonly #open = new Map<string, OpenQuestion>();
  readonly #byId = new Map<number, string>();
  #lastId = 0;
  #health: HealthSnapshot;
  #status: StatusSnapshot;
  #hasBeenReady = false;
  #healthAt = performance.now();
  #statusAt = performance.now();

  constructor(send: (id: number, question: Question) => void, status: StatusSnapshot) {
    this.#send = send;
    this.#status = status;
    this.#health = this.#knowHealth(healthOf(status));
  }

  /** The health as it was last known. */
  get lastHealth(): HealthSnapshot {
    return this.#health;
  }

  /** The status as it was last known; a health check that came later tells more of the lifecycle. */
  get lastStatus(): StatusSnapshot {
    const { state, health } = this.#health;
    return { ...this.#status, lifecycle: { ...this.#status.lifecycle, state, health } };
  }

  /** How old that is, in milliseconds: state and readiness, and all else. Nobody asks a process that nobody looks at. */
  get lastAgesMs(): { readonly health: number; readonly status: number } {
    const now = performance.now();
    return { health: Math.round(now - this.#healthAt), status: Math.round(now - this.#statusAt) };
  }

  /** Whether it was ever seen ready. */
  get hasBeenReady(): boolean {
    return this.#hasBeenReady;
  }

  /** Whether it is blocked, and for how long; `hasAnswered` says what came of the last question. */
  state(hasAnswered: boolean): MainThreadState {
    if (hasAnswered) return { responsive: true, blockedMs: 0 };
    const now = performance.now();
    const quick = [...this.#open.values()].filter((question) => question.isQuick);
    const oldest = Math.min(now, ...quick.map((question) => question.askedAt));
    return { responsive: false, blockedMs: Math.round(now - oldest) };
  }

  /** The answer, or undefined when there is none within `deadlineMs`. Rejects with what the main thread threw. */
  ask<K extends Question['kind']>(
    question: Extract<Question, { kind: K }>,
    deadlineMs: number = ANSWER_DEADLINE_MS,
  ): Promise<Answers[K] | undefined> {
    const key = JSON.stringify(question);
    const open = this.#open.get(key) ?? this.#begin(key, question);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve(undefined), deadlineMs);
      open.answer
        .then((value) => resolve(value as Answers[K]), reject)
        .finally(() => clearTimeout(timer));
    });
  }

  /** The main thread answered. */
  answered(id: number, value: unknown): void {
    const key = this.#byId.get(id);
    if (key === undefined) return;
    const { kind } = JSON.parse(key) as Question;
    if (kind === 'health') this.#knowHealth(value as HealthSnapshot);
    if (kind === 'status') this.knowStatus(value as StatusSnapshot);
    this.#close(id)?.resolve(value);
  }

  failed(id: number, message: string): void {
    this.#close(id)?.reject(new HttpError(500, `the main thread could not tell: ${message}`));
  }

  knowStatus(status: StatusSnapshot): void {
    this.#status = status;
    this.#statusAt = performance.now();
    this.#knowHealth(healthOf(status));
  }

  #knowHealth(health: HealthSnapshot): HealthSnapshot {
    this.#hasBeenReady ||= health.health.ready;
    this.#health = health;
    this.#healthAt = performance.now();
    return health;
  }

  #begin(key: string, question: Question): OpenQuestion {
    this.#lastId += 1;
    const id = this.#lastId;
    const isQuick = question.kind !== 'dump' && question.kind !== 'metrics';
    const open: OpenQuestion = { id, askedAt: performance.now(), isQuick, ...deferred() };
    this.#open.set(key, open);
    this.#byId.set(id, key);
    this.#send(id, question);
    return open;
  }

  #close(id: number): OpenQuestion | undefined {
    const key = this.#byId.get(id);
    if (key === undefined) return undefined;
    const open = this.#open.get(key);
    this.#byId.delete(id);
    this.#open.delete(key);
    return open;
  }
}

function healthOf({ lifecycle, debuggable }: StatusSnapshot): HealthSnapshot {
  return { state: lifecycle.state, health: lifecycle.health, debuggable };
}

function deferred(): Pick<OpenQuestion, 'answer' | 'resolve' | 'reject'> {
  let resolve: (value: unknown) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const answer = new Promise<unknown>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Whoever asked may have gone.
  answer.catch(() => {});
  return { answer, resolve, reject };
}
