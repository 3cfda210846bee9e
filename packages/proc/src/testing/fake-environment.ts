import type { DiagnosticsEnvironment } from '../diagnostics/diagnostics-environment';
import type { Environment, Remover } from '../environment';
import { FakeClock, nextTurn } from './fake-clock';
import { createFakeDiagnostics } from './fake-diagnostics';

/** How a process ended. */
export interface ProcessEnd {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
}

/** What a {@link FakeEnvironment} pretends to be. */
export interface FakeEnvironmentOptions {
  /** Environment variables. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether something listens, so that a stop holds. Default true. */
  readonly isListening?: boolean;
  /** Whether a person sits at a terminal. Default false. */
  readonly isTerminal?: boolean;
  /** Default `linux`. */
  readonly platform?: NodeJS.Platform;
  /** Default true. */
  readonly isMainThread?: boolean;
  /** Whether nodemon seems to have started the process. Default false. */
  readonly isUnderNodemon?: boolean;
}

/** An {@link Environment} without a process: signals, time and the end are what a test says, and it sees what was asked for. */
export class FakeEnvironment implements Environment {
  readonly clock: FakeClock = new FakeClock();
  readonly pid = 4242;
  readonly platform: NodeJS.Platform;
  readonly isMainThread: boolean;
  /** Environment variables; a test may change them. */
  readonly variables: Record<string, string>;
  /** Files written, by path. */
  readonly files: Map<string, string> = new Map();
  /** Exit codes that 'exit' handlers were called with. */
  readonly exitHandlerCodes: number[] = [];
  /** Problems nobody subscribed to. */
  readonly warnings: Error[] = [];
  /** What was written to stderr. */
  stderr = '';
  /** How the process first ended; null while it lives. */
  end: ProcessEnd | null = null;

  readonly #options: FakeEnvironmentOptions;
  readonly #handlers = new Map<NodeJS.Signals, Set<(signal: NodeJS.Signals) => void>>();
  readonly #uncaught = new Set<(error: unknown, origin: string) => void>();
  readonly #stopMessage = new Set<() => void>();
  readonly #exit = new Set<(code: number) => void>();

  constructor(options: FakeEnvironmentOptions = {}) {
    this.#options = options;
    this.platform = options.platform ?? 'linux';
    this.isMainThread = options.isMainThread ?? true;
    this.variables = { ...options.env };
  }

  /** Delivers `signal` as the kernel would; without a handler it ends the process. */
  deliver(signal: NodeJS.Signals): void {
    const handlers = [...(this.#handlers.get(signal) ?? [])];
    if (handlers.length === 0) this.#endWith({ signal, code: null });
    for (const handler of handlers) handler(signal);
  }

  /** Throws `error` where nothing catches it; without a handler it ends the process. */
  throwUncaught(error: unknown, origin = 'uncaughtException'): void {
    if (this.#uncaught.size === 0) this.#endWith({ signal: null, code: 1 });
    for (const handler of [...this.#uncaught]) handler(error, origin);
  }

  /** Sends the message with which pm2 asks for a stop. */
  sendStopMessage(): void {
    for (const handler of [...this.#stopMessage]) handler();
  }

  now(): number {
    return this.clock.now;
  }

  wallClock(): number {
    return Date.UTC(2026, 0, 1) + this.clock.now;
  }

  setTimer(fn: () => void, delayMs: number): Remover {
    return this.clock.setTimer(fn, delayMs);
  }

  env(name: string): string | undefined {
    return this.variables[name];
  }

  onSignal(signal: NodeJS.Signals, handler: (signal: NodeJS.Signals) => void): Remover {
    const handlers = this.#handlers.get(signal) ?? new Set();
    this.#handlers.set(signal, handlers.add(handler));
    return () => handlers.delete(handler);
  }

  releaseSignal(signal: NodeJS.Signals): void {
    this.#handlers.get(signal)?.clear();
  }

  signalHandlerCount(signal: NodeJS.Signals): number {
    return this.#handlers.get(signal)?.size ?? 0;
  }

  isSignalDisabled(): boolean {
    return false;
  }

  isUnderNodemon(): boolean {
    return this.#options.isUnderNodemon ?? false;
  }

  raise(signal: NodeJS.Signals): void {
    this.deliver(signal);
  }

  onUncaught(handler: (error: unknown, origin: string) => void): Remover {
    this.#uncaught.add(handler);
    return () => this.#uncaught.delete(handler);
  }

  onStopMessage(handler: () => void): Remover {
    this.#stopMessage.add(handler);
    return () => this.#stopMessage.delete(handler);
  }

  onPrimaryGone(): Remover {
    return () => {};
  }

  onExit(handler: (code: number) => void): Remover {
    this.#exit.add(handler);
    return () => this.#exit.delete(handler);
  }

  exitCallStack(): string {
    return '';
  }

  isExiting(): boolean {
    return this.end !== null;
  }

  runExitHandlers(code: number): void {
    if (this.exitHandlerCodes.length > 0) return;
    for (const handler of [...this.#exit]) handler(code);
    this.exitHandlerCodes.push(code);
  }

  exit(code: number): void {
    if (this.end === null) for (const handler of [...this.#exit]) handler(code);
    this.#endWith({ signal: null, code });
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  nextTurn(): Promise<void> {
    return nextTurn();
  }

  isTerminal(): boolean {
    return this.#options.isTerminal ?? false;
  }

  isListening(): boolean {
    return this.#options.isListening ?? true;
  }

  activeResources(): string[] {
    return Array.from({ length: this.clock.pending }, () => 'Timeout');
  }

  watchWorkers(): Remover {
    return () => {};
  }

  socketEnds(): string[] {
    return [];
  }

  writeError(text: string): void {
    this.stderr += text;
  }

  ignoreOutputErrors(): Remover {
    return () => {};
  }

  writeFile(path: string, text: string): void {
    this.files.set(path, text);
  }

  assertWritable(): void {}

  diagnostics(): DiagnosticsEnvironment {
    return createFakeDiagnostics(this);
  }

  loadAhead(): Remover {
    return () => {};
  }

  warn(error: Error): void {
    this.warnings.push(error);
  }

  #endWith(end: ProcessEnd): void {
    this.end ??= end;
  }
}
