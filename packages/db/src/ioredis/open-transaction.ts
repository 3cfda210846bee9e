import type { Outcome } from '../drain/cut-work';
import type { OpenIoredis, RedisCommand } from './ioredis-client';

type Method = (...args: unknown[]) => unknown;

/** The transaction as a unit of work. */
export interface TransactionWork extends RedisCommand {
  /** What became of it. Never rejects. */
  readonly promise: Promise<Outcome>;
}

/** What ends a transaction. */
const ENDS = ['exec', 'execBuffer', 'discard', 'discardBuffer'] as const;

/**
 * The transaction that an application has begun with `multi({ pipeline: false })`, from then to its `exec()` or `discard()`: the
 * server keeps its commands, and between two of them nothing is in flight. Costs nothing per command.
 */
export class OpenTransaction {
  #work: TransactionWork | undefined;
  /** The one that was open last. */
  #last: TransactionWork | undefined;
  #settle: (outcome: Outcome) => void = ignore;
  readonly #undo: (() => void)[] = [];

  /** @param isDraining - Whether new ones are refused, or counted by their commands. */
  constructor(client: OpenIoredis, isDraining: () => boolean) {
    // Commands of a cluster have no connection of their own to be in a transaction on.
    if (client.nodes !== undefined) return;
    this.#wrap(client, 'multi', (args, begun) => {
      if (args.some(isWithoutPipeline) && !isDraining()) this.#begin(begun);
    });
    for (const name of ENDS) this.#wrap(client, name, (_args, ended) => this.#end(ended));
    const onClose = (): void => this.#over('rolled back');
    client.on('close', onClose);
    this.#undo.push(() => client.off('close', onClose));
  }

  /** Undefined when none is open, or its end was sent. */
  get work(): TransactionWork | undefined {
    return this.#work;
  }

  /** Whether `command` stands for one. */
  isOne(command: RedisCommand): boolean {
    return command === this.#last;
  }

  restore(): void {
    for (const undo of this.#undo) undo();
  }

  #begin(begun: unknown): void {
    const promise = new Promise<Outcome>((resolve) => {
      this.#settle = resolve;
    });
    const work = { name: 'multi', args: [], promise, reject: ignore };
    this.#work = this.#last = work;
    Promise.resolve(begun).catch(() => {
      if (this.#work === work) this.#over('cut');
    });
  }

  #end(ended: unknown): void {
    if (this.#work === undefined) return;
    this.#work = undefined;
    const settle = this.#settle;
    Promise.resolve(ended).then(
      () => settle('finished'),
      // Whatever the server says is an answer.
      ({ name }: Error) => settle(name === 'ReplyError' ? 'finished' : 'outcome unknown'),
    );
  }

  #over(outcome: Outcome): void {
    this.#work = undefined;
    this.#settle(outcome);
  }

  #wrap(
    client: OpenIoredis,
    name: string,
    called: (args: unknown[], result: unknown) => void,
  ): void {
    const own = Object.getOwnPropertyDescriptor(client, name);
    const original = Reflect.get(client, name) as Method | undefined;
    if (original === undefined) return;
    const wrapped: Method = (...args) => {
      const result = original.apply(client, args);
      called(args, result);
      return result;
    };
    Reflect.set(client, name, wrapped);
    this.#undo.push(() => {
      if (Reflect.get(client, name) !== wrapped) return;
      Reflect.deleteProperty(client, name);
      if (own !== undefined) Object.defineProperty(client, name, own);
    });
  }
}

function isWithoutPipeline(options: unknown): boolean {
  return (options as { pipeline?: unknown } | null | undefined)?.pipeline === false;
}

function ignore(): void {}
