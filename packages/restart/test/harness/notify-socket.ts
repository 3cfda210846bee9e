import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryDirectory } from './service';

/** A datagram that the fake systemd got. */
export interface Notification {
  readonly sender: number | null;
  readonly text: string;
}

const DEADLINE_MS = 20_000;

/** Plays systemd's notify socket. Node has no datagram sockets of that kind, so it is a program in Python. */
export class NotifySocket {
  readonly path: string;
  readonly got: Notification[] = [];
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #isListening = false;

  private constructor(path: string) {
    this.path = path;
    const program = join(__dirname, '..', 'fixtures', 'notify-socket.py');
    this.#child = spawn('python3', [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('no stdout');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const event = JSON.parse(line) as Notification | { listening: true };
      if ('listening' in event) this.#isListening = true;
      else this.got.push(event);
      for (const check of [...this.#watchers]) check();
    });
  }

  static async open(): Promise<NotifySocket> {
    const socket = new NotifySocket(join(temporaryDirectory(), 'notify.sock'));
    await socket.when('the socket', () => (socket.#isListening ? true : undefined));
    return socket;
  }

  /** The first datagram that contains all of `lines`. */
  saw(...lines: readonly (string | RegExp)[]): Promise<Notification> {
    return this.when(`a datagram with ${lines.join(', ')}`, () =>
      this.got.find(({ text }) =>
        lines.every((line) =>
          text
            .split('\n')
            .some((own) => (typeof line === 'string' ? own === line : line.test(own))),
        ),
      ),
    );
  }

  when<T>(what: string, find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(check);
        reject(new Error(`never got ${what}, but ${JSON.stringify(this.got, null, 1)}`));
      }, DEADLINE_MS);
      const check = (): void => {
        const found = find();
        if (found === undefined) return;
        this.#watchers.delete(check);
        clearTimeout(timer);
        resolve(found);
      };
      this.#watchers.add(check);
      check();
    });
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
