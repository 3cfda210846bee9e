import type { Duplex } from 'node:stream';
import type { Remover } from '../restart-environment';

/** More than this without a line end is not our protocol. */
const MAX_LINE = 1 << 20;

/**
 * Lines of JSON over a stream socket, in both directions. It never keeps the process alive, and never throws: the end of the
 * other side is told once, whatever form it takes.
 */
export class ControlChannel<In, Out> {
  readonly #stream: Duplex;
  readonly #onMessage = new Set<(message: In) => void>();
  readonly #onEnd = new Set<() => void>();
  #text = '';
  #isOpen = true;

  constructor(stream: Duplex) {
    this.#stream = stream;
    (stream as { unref?(): void }).unref?.();
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => this.#read(chunk));
    stream.on('error', () => this.#end());
    stream.on('end', () => this.#end());
    stream.on('close', () => this.#end());
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  onMessage(fn: (message: In) => void): Remover {
    this.#onMessage.add(fn);
    return () => this.#onMessage.delete(fn);
  }

  /** Calls `fn` once the other side has ended; at once (in a microtask) if it has. */
  onEnd(fn: () => void): Remover {
    if (!this.#isOpen) queueMicrotask(fn);
    else this.#onEnd.add(fn);
    return () => this.#onEnd.delete(fn);
  }

  /** Says `message`; nothing happens when the other side has ended. */
  send(message: Out): void {
    if (this.#isOpen) this.#stream.write(`${JSON.stringify(message)}\n`);
  }

  close(): void {
    this.#stream.destroy();
  }

  #read(chunk: string): void {
    const lines = (this.#text + chunk).split('\n');
    this.#text = lines.pop() ?? '';
    if (this.#text.length > MAX_LINE) this.close();
    for (const line of lines) this.#deliver(line);
  }

  #deliver(line: string): void {
    const message = parse<In>(line);
    if (message === undefined) return;
    for (const fn of [...this.#onMessage]) fn(message);
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#stream.destroy();
    const waiting = [...this.#onEnd];
    this.#onEnd.clear();
    for (const fn of waiting) fn();
  }
}

/** What is not a message is ignored: a later version may say more. */
function parse<In>(line: string): In | undefined {
  try {
    const message: unknown = JSON.parse(line);
    return typeof message === 'object' && message !== null ? (message as In) : undefined;
  } catch {
    return undefined;
  }
}
