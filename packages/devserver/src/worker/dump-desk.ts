import type { AwaitsWish, DumpAnswer } from '../protocol';
import { HttpError } from './http-error';
import { assertNotDebugged, type MainStack, readMainStack } from './main-stack';
import type { MainThread, MainThreadState } from './main-thread';

/** What can be told of a process whose main thread does not answer. */
export interface BlockedDump {
  readonly schema: 'lastcall.blocked-dump/1';
  readonly time: string;
  readonly mainThread: MainThreadState;
  /** For how long a dump had been asked for, in milliseconds, that the main thread, which answers otherwise, did not finish; or null. */
  readonly unfinishedMs: number | null;
  /** Null when not even V8 answered; `stackError` says why. */
  readonly stack: MainStack | null;
  readonly stackError: string | null;
  /** The last status before. */
  readonly last: MainThread['lastStatus'];
  /** How old that was. */
  readonly lastAgesMs: MainThread['lastAgesMs'];
}

/** A dump by the main thread, or one without it. */
export type Dump =
  | { readonly kind: 'full'; readonly dump: DumpAnswer }
  | { readonly kind: 'blocked'; readonly dump: BlockedDump };

/** Await sites of a large heap take seconds. */
const DUMP_DEADLINE_MS = 30_000;
/** A dump stops the process for a moment: whoever comes within this time of the last one gets that. */
const FRESH_MS = 1000;

interface Order {
  readonly dump: Promise<Dump>;
  /** When it was done; undefined while it is made. */
  doneAt: number | undefined;
}

/** Makes dumps, one of a kind at a time and at most one a second; whoever comes meanwhile shares it. */
export class DumpDesk {
  readonly #main: MainThread;
  readonly #orders = new Map<AwaitsWish, Order>();

  constructor(main: MainThread) {
    this.#main = main;
  }

  /** A dump that is no older than `freshMs`. */
  take(awaits: AwaitsWish, freshMs: number = FRESH_MS): Promise<Dump> {
    const known = this.#orders.get(awaits);
    if (known !== undefined && isFresh(known, freshMs)) return known.dump;
    const order: Order = { dump: this.#make(awaits), doneAt: undefined };
    const done = (): void => {
      order.doneAt = performance.now();
    };
    order.dump.then(done, done);
    this.#orders.set(awaits, order);
    return order.dump;
  }

  async #make(awaits: AwaitsWish): Promise<Dump> {
    if (!(await this.#isAnswering())) {
      const seen = await this.#seeStack();
      // A main thread that was only busy for a moment can tell more than its stack does.
      if (!(await this.#isAnswering())) return this.#blocked(seen);
    }
    const dump = await this.#main.ask({ kind: 'dump', awaits }, DUMP_DEADLINE_MS);
    if (dump !== undefined) return { kind: 'full', dump };
    return this.#blocked(await this.#seeStack(), DUMP_DEADLINE_MS);
  }

  async #seeStack(): Promise<Seen> {
    try {
      assertNotDebugged(this.#main);
      return { stack: await readMainStack(), stackError: null };
    } catch (thrown) {
      const known = thrown instanceof HttpError;
      return { stack: null, stackError: known ? thrown.message : 'the inspector failed' };
    }
  }

  async #isAnswering(): Promise<boolean> {
    return (await this.#main.ask({ kind: 'health' })) !== undefined;
  }

  #blocked(seen: Seen, unfinishedMs: number | null = null): Dump {
    const dump: BlockedDump = {
      schema: 'lastcall.blocked-dump/1',
      time: new Date().toISOString(),
      mainThread: this.#main.state(false),
      unfinishedMs,
      ...seen,
      last: this.#main.lastStatus,
      lastAgesMs: this.#main.lastAgesMs,
    };
    return { kind: 'blocked', dump };
  }
}

function isFresh({ doneAt }: Order, freshMs: number): boolean {
  return doneAt === undefined || performance.now() - doneAt < freshMs;
}

type Seen = Pick<BlockedDump, 'stack' | 'stackError'>;

function describeState(stack: MainStack): string {
  if (stack.state !== 'running' || !stack.isLate) return stack.state;
  return 'back from native code, which is what blocks; innermost call first';
}

/** A dump without the main thread, as text. */
export function formatBlockedDump({
  time,
  mainThread,
  unfinishedMs,
  stack,
  stackError,
  last,
  lastAgesMs,
}: BlockedDump): string {
  const { name, pid, host, node } = last.process;
  const frames = stack?.state === 'running' ? stack.frames : [];
  const lines = frames
    .map(({ functionName, file, line, column }) => `    ${functionName}  ${file}:${line}:${column}`)
    .map(printable);
  const doing = stack === null ? `unknown: ${stackError}` : describeState(stack);
  return [
    `=== lastcall dump of a blocked process: ${name} pid ${pid} on ${host}, node ${node}, ${time} ===`,
    unfinishedMs === null
      ? `the main thread has not answered for ${mainThread.blockedMs} ms`
      : `the dump that was asked for is not done after ${unfinishedMs / 1000} s: the stack may be that of its making`,
    `main thread: ${doing}`,
    ...lines,
    '',
    `state before: ${last.lifecycle.state}, ${last.lifecycle.health.ready ? 'ready' : 'not ready'}, as of ${seconds(lastAgesMs.health)} ago`,
    ...Object.entries(last.activityCounts).map(
      ([kind, count]) =>
        `in flight before: ${count} ${kind}, as of ${seconds(lastAgesMs.status)} ago`,
    ),
    '=== end of dump ===',
    '',
  ].join('\n');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Names come from anywhere: none may begin a new line, be a command to the terminal, or turn the order of what follows. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\uFFFD');
}
