import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const DEADLINE_MS = 60_000;

/** How a child ended. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Of `process.hrtime.bigint()`, when this process learnt of it. */
  readonly at: bigint;
}

/** A program of `children/` in a process of its own, which answers one question at a time. */
export class Child implements AsyncDisposable {
  readonly exited: Promise<ChildExit>;
  readonly #process: ChildProcess;

  /** Starts `children/<name>.js` with `options` as its one argument; see `parent.ts` for its side. */
  constructor(name: string, options: object, nodeFlags: readonly string[] = []) {
    this.#process = fork(join(__dirname, 'children', `${name}.js`), [JSON.stringify(options)], {
      execArgv: [...nodeFlags],
    });
    this.exited = once(this.#process, 'exit').then(([code, signal]) => ({
      code,
      signal,
      at: process.hrtime.bigint(),
    }));
  }

  /** Sends `question` and returns the answer. */
  async ask<Answer>(question: string, argument: object = {}): Promise<Answer> {
    const answer = this.#nextMessage();
    this.#process.send({ question, argument });
    return (await answer) as Answer;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Kills the process, unless it has ended by itself, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    await this.exited;
  }

  async #nextMessage(): Promise<unknown> {
    const controller = new AbortController();
    const { signal } = controller;
    const timer = setTimeout(() => controller.abort(), DEADLINE_MS);
    try {
      const [message] = await Promise.race([
        once(this.#process, 'message', { signal }),
        this.exited.then(({ code, signal }) => {
          throw new Error(`a child process ended (${code ?? signal}) without an answer`);
        }),
      ]);
      if (message.error !== undefined) throw new Error(message.error);
      return message.answer;
    } finally {
      clearTimeout(timer);
      controller.abort();
    }
  }
}
